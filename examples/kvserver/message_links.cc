#include "kvserver/message_links.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kvserver/log.h"
#include "kvserver/replication_state.h"
#include "kvserver/server.h"

namespace kv {
namespace {

// A queue is given to its link at the latest when it holds this much.
constexpr size_t kFlushQueueBytes = size_t{256} << 10;
constexpr int64_t kFirstPauseMs = 100;
constexpr int64_t kLongestPauseMs = 1000;
// For the handshake. Later on the cluster finds out who has died; who is only slow keeps its link,
// because what is still on its way by that must not be overtaken.
constexpr int64_t kMostPatienceMs = 5000;
// libuv takes a buffer of less than 4 GiB at once.
constexpr uint64_t kMostQueued = uint64_t{1} << 30;
// Of the answer to CLUSTER MYID.
constexpr int kIdLines = 2;

std::string RequestOf(std::initializer_list<std::string_view> words) {
  std::string request;
  AppendRequest(request, Args(words.begin(), words.size()));
  return request;
}

}  // namespace

// --- One link ------------------------------------------------------------------------------------

MessageLink::MessageLink(Server& server, clusterkit::NodeId node, clusterkit::Endpoint address)
    : server_(server), node_(node), address_(std::move(address)) {}

void MessageLink::Add(std::string_view request) {
  if (link_ == nullptr && NowMs() >= retry_at_ms_) Dial();
  // It is a subscriber like others, but is not closed when it is too slow.
  const uint64_t hard = server_.config().output_limit_pubsub.hard_bytes;
  const uint64_t limit = hard == 0 ? kMostQueued : std::min(hard, kMostQueued);
  if (link_ == nullptr || queue_.size() + link_->unsent() + request.size() > limit) {
    ++server_.stats().dropped_messages;
    return;
  }
  queue_.append(request);
  ++queued_;
  if (queue_.size() >= kFlushQueueBytes) Flush();
}

void MessageLink::Flush() {
  if (link_ == nullptr || lines_due_ > 0 || link_->unsent() > 0 || queued_ == 0) return;
  server_.stats().relayed_messages += queued_;
  sending_ += std::exchange(queued_, 0);
  link_->Send(std::exchange(queue_, {}));
}

void MessageLink::OnSent() {
  if (lines_due_ > 0) return;
  sending_ = 0;
  Flush();
}

void MessageLink::Cron() {
  const bool answered = link_ == nullptr || lines_due_ == 0;
  if (!answered && NowMs() - dialled_ms_ > kMostPatienceMs) Lose(/*worked=*/false);
}

void MessageLink::Dial() {
  link_ = std::make_unique<TargetLink>(server_.loop(), address_.host, absl::StrCat(address_.port));
  link_->set_listener(this);
  lines_due_ = server_.config().masterauth.empty() ? kIdLines : 1 + kIdLines;
  dialled_ms_ = NowMs();
  link_->Connect();
}

void MessageLink::OnConnected() {
  const Config& config = server_.config();
  std::string hello;
  if (lines_due_ > kIdLines) {
    const std::string user = config.masteruser.empty() ? "default" : config.masteruser;
    hello = RequestOf({"AUTH", user, config.masterauth});
  }
  link_->Send(hello.append(RequestOf({"CLUSTER", "MYID"})));
}

void MessageLink::OnLine(std::string_view line) {
  const std::string id = node_.ToHex();
  if (lines_due_ > kIdLines) {
    --lines_due_;  // Whatever that of AUTH is, the next one tells.
  } else if (lines_due_ == 2 && line == absl::StrCat("$", id.size())) {
    --lines_due_;
  } else if (lines_due_ == 1 && line == id) {
    --lines_due_;
    Flush();
  } else {
    // Another node, or a refusal: messages are not answered.
    std::string text = absl::StrCat("Messages for node ", id, " are not taken at ", address_.host,
                                    ":", address_.port, ": ");
    Log(retry_delay_ms_ > kFirstPauseMs ? LogLevel::kVerbose : LogLevel::kWarning,
        text.append(line.substr(0, 256)));
    Lose(/*worked=*/false);
  }
}

void MessageLink::OnLost(bool /*had_address*/) { Lose(/*worked=*/lines_due_ == 0); }

void MessageLink::Lose(bool worked) {
  link_.reset();
  server_.stats().dropped_messages += std::exchange(queued_, 0) + std::exchange(sending_, 0);
  std::string().swap(queue_);
  retry_delay_ms_ = worked ? 0 : std::clamp(2 * retry_delay_ms_, kFirstPauseMs, kLongestPauseMs);
  retry_at_ms_ = NowMs() + retry_delay_ms_;
}

// --- All links -----------------------------------------------------------------------------------

MessageLinks::MessageLinks(Server& server)
    : server_(server), flush_(server.loop(), [this] {
        flush_due_ = false;
        for (auto& [id, peer] : peers_) peer.link->Flush();
      }) {
  server.AddCron([this] {
    for (auto& [id, peer] : peers_) peer.link->Cron();
  });
}

void MessageLinks::Follow(const clusterkit::ClusterView& view) {
  std::map<clusterkit::NodeId, Peer> peers;
  for (const auto& node : view.nodes()) {
    const bool reachable = !node->client.host.empty() && node->client.port != 0;
    if (node->id == view.self().id || node->health == clusterkit::Health::kFail || !reachable) {
      continue;
    }
    Peer& peer = peers[node->id];
    const auto known = peers_.find(node->id);
    if (known != peers_.end() && known->second.link->address() == node->client) {
      peer.link = std::move(known->second.link);
    } else {
      peer.link = std::make_unique<MessageLink>(server_, node->id, node->client);
    }
    peer.same_shard = node->shard == view.self().shard;
  }
  peers_ = std::move(peers);
}

void MessageLinks::Send(ChannelKind kind, std::string_view channel, std::string_view message) {
  const bool sharded = kind == ChannelKind::kShardChannel;
  const std::string request =
      RequestOf({sharded ? "SPUBLISH-LOCAL" : "PUBLISH-LOCAL", channel, message});
  for (auto& [id, peer] : peers_) {
    if (peer.same_shard || !sharded) peer.link->Add(request);
  }
  if (!std::exchange(flush_due_, true)) flush_.Start(0, 0);
}

}  // namespace kv
