#include "kvserver/cluster_host.h"

#include <unistd.h>

#include <algorithm>
#include <future>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "clusterkit/file/file_state_store.h"
#include "kvserver/cluster_commands.h"
#include "kvserver/cluster_options.h"
#include "kvserver/event_log.h"
#include "kvserver/log.h"
#include "kvserver/persistence.h"
#include "kvserver/server.h"

namespace kv {
namespace {

using clusterkit::ClusterView;
using clusterkit::Instant;
using clusterkit::Node;
using clusterkit::NodeId;
using clusterkit::NodeView;
using clusterkit::Role;
using clusterkit::SlotId;

constexpr int64_t kMaxAliveIntervalMs = 250;
// Deleting the keys of lost slots must not hold up requests.
constexpr uint64_t kDropIntervalMs = 1;
// Long enough to hear of what else happened to them.
constexpr uint64_t kDropDelayMs = 10;
constexpr size_t kDropStep = 200;
// A process that hands over ends when it was asked nothing for so long, or after so long.
constexpr int64_t kQuietMs = 100;
constexpr int64_t kMostDrainMs = 1000;

int64_t AliveIntervalMs(const Config& config) {
  return std::clamp<int64_t>(config.cluster_node_timeout / 4, 1, kMaxAliveIntervalMs);
}

// Listens where `bind` says, whatever address the node announces to its peers.
class BusTransport final : public clusterkit::uv::Transport {
 public:
  BusTransport(uv_loop_t* loop, const clusterkit::Options& options, clusterkit::Endpoint listen)
      : clusterkit::uv::Transport(loop, options), listen_(std::move(listen)) {}
  absl::Status Listen(const clusterkit::Endpoint&, Handler* handler) override {
    return clusterkit::uv::Transport::Listen(listen_, handler);
  }

 private:
  const clusterkit::Endpoint listen_;
};

// Faults at start in the words that operators know from Redis.
absl::Status StoreFault(const absl::Status& status, const std::string& file) {
  if (absl::IsFailedPrecondition(status)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "Sorry, the cluster configuration file ", file,
        " is already used by a different kvserver node. Please make sure that different nodes use "
        "different cluster configuration files."));
  }
  return absl::Status(status.code(),
                      absl::StrCat("Can't use the cluster config file: ", status.message()));
}

absl::Status NodeFault(const absl::Status& status) {
  if (absl::IsDataLoss(status)) {
    return absl::Status(
        status.code(),
        absl::StrCat("Unrecoverable error: corrupted cluster config file: ", status.message()));
  }
  return absl::Status(status.code(),
                      absl::StrCat("Can't start the cluster node: ", status.message()));
}

}  // namespace

// --- Start and end -------------------------------------------------------------------------------

absl::StatusOr<std::unique_ptr<ClusterHost>> ClusterHost::Start(Server& server) {
  const Config config = server.config();
  if (config.cluster_port == 0 && config.port > kMaxPort - kBusPortOffset) {
    return absl::InvalidArgumentError(absl::StrCat(
        "The port is too high for cluster mode: the bus uses it plus ", kBusPortOffset,
        ", so use a port up to ", kMaxPort - kBusPortOffset, ", or set cluster-port."));
  }
  std::unique_ptr<ClusterHost> host(new ClusterHost(server));
  absl::Status status;
  host->thread_.Run([&] { status = host->StartNode(config); });
  if (!status.ok()) return status;
  host->JoinData();
  return host;
}

ClusterHost::ClusterHost(Server& server)
    : server_(server),
      loop_(thread_.event_loop()),
      replication_(server, *this),
      message_links_(server),
      alive_timer_(server.loop(), [this] { Post([](Node& node) { node.ReportHostAlive(); }); }),
      lost_slots_timer_(server.loop(), [this] { DropLostKeys(); }) {}

ClusterHost::~ClusterHost() {
  server_.executor().set_gate(nullptr);
  server_.executor().set_cluster(nullptr);
  server_.executor().set_message_relay(nullptr);
  views_.reset();
  thread_.Run([this] {
    node_.reset();
    transport_.reset();
    store_.reset();
  });
}

absl::Status ClusterHost::StartNode(const Config& config) {
  auto store = clusterkit::FileStateStore::Open(
      config.cluster_config_file,
      // A slow disk must not hold up the answers to our peers.
      [this](absl::AnyInvocable<void()> work, absl::AnyInvocable<void()> then) {
        loop_.RunBlocking(std::move(work), std::move(then));
      });
  if (!store.ok()) return StoreFault(store.status(), config.cluster_config_file);
  store_ = std::make_unique<SaveFence>(*std::move(store));
  const clusterkit::Options options = OptionsFor(config);
  transport_ = std::make_unique<BusTransport>(thread_.loop(), options, BusListenAddress(config));
  auto node = Node::Start(options, {&loop_, transport_.get(), &codec_, store_.get(), this});
  if (!node.ok()) return NodeFault(node.status());
  node_ = *std::move(node);
  // Who owns slots at start has lost what was in them, or has it as old as its snapshot. A replica
  // may have more, so this is said before any peer hears of us.
  if (OwnSnapshot()) {
    const RdbHead& head = *server_.persistence().loaded();
    node_->ReportReplication({{clusterkit::Epoch{head.history}, head.offset, true}, false, {}, 0});
  }
  if (node_->view()->self().slot_count > 0) node_->ReportDataPresent(false);
  return absl::OkStatus();
}

void ClusterHost::JoinData() {
  views_.emplace(&node_->views());
  server_.executor().set_gate(this);
  server_.executor().set_cluster(this);
  server_.executor().set_message_relay(this);
  server_.AddCron([this] { FollowView(); });
  AddClusterCommands(server_.commands());
  AddReplicationCommands(server_.commands());
  AddClusterInfo(*this);
  server_.OnConfigChange([this](std::string_view directive) { OnDirective(directive); });
  server_.pause().OnChange([this] { ReportPause(); });
  server_.OnShutdown([this](std::function<void()> done) { Leave(std::move(done)); });

  const bool adopted = OwnSnapshot();
  if (adopted) {
    replication_.Adopt(*server_.persistence().loaded());
  } else if (const auto& head = server_.persistence().loaded(); head && !head->shard_id.empty()) {
    Log(LogLevel::kWarning, "The snapshot is of another shard than this node's, and is not used.");
    server_.keyspace().Clear();
  }
  server_.persistence().set_source([this] { return replication_.Describe(); });
  const NodeView& self = view().self();
  if (self.role == Role::kReplica && self.primary.has_value()) {
    replication_.Follow(*self.primary, /*other_shard=*/!adopted);
  } else {
    replication_.StartAsPrimary(/*has_data=*/self.slot_count == 0);
  }
  alive_timer_.Start(0, static_cast<uint64_t>(AliveIntervalMs(server_.config())));
}

// Whether a snapshot was loaded that is a copy of our shard's data, as of some time. Of one from
// before this node changed its shard nothing is true any more.
bool ClusterHost::OwnSnapshot() const {
  const std::optional<RdbHead>& head = server_.persistence().loaded();
  return head.has_value() && !head->stream_id.empty() &&
         head->shard_id == node_->view()->self().shard.ToHex();
}

// --- Data thread to node -------------------------------------------------------------------------

void ClusterHost::Post(absl::AnyInvocable<void(Node&) &&> work) {
  loop_.Post([this, work = std::move(work)]() mutable {
    if (node_ != nullptr) std::move(work)(*node_);
  });
}

void ClusterHost::Ask(Client& client, absl::AnyInvocable<Answer(Node&) &&> work) {
  client.Block();
  Post([this, id = client.id, work = std::move(work)](Node& node) mutable {
    store_->AfterSaves([this, id, answer = std::move(work)(node)]() mutable {
      PostAnswer(id, std::move(answer));
    });
  });
}

void ClusterHost::PostAnswer(ClientId id, Answer answer) {
  server_.PostToDataThread([this, id, answer = std::move(answer)]() mutable {
    server_.Resume(id, [&answer](ReplyWriter& reply) { answer(reply); });
  });
}

void ClusterHost::AskReport(Client& client,
                            absl::AnyInvocable<void(const ClusterReport&, ReplyWriter&)> write) {
  client.Block();
  Post([this, id = client.id, type = server_.config().cluster_preferred_endpoint_type,
        write = std::move(write)](Node& node) mutable {
    // Only the copy is made on the node's thread; printing a large cluster takes longer.
    PostAnswer(id,
               [report = ClusterReport{node.Status(), node.Measure(), node.view(), type},
                write = std::move(write)](ReplyWriter& reply) mutable { write(report, reply); });
  });
}

std::optional<ClusterReport> ClusterHost::TakeReport(std::chrono::milliseconds at_most) {
  const auto report = std::make_shared<std::promise<ClusterReport>>();
  std::future<ClusterReport> taken = report->get_future();
  Post([report](Node& node) {
    report->set_value({node.Status(), node.Measure(), node.view(), EndpointType::kIp});
  });
  if (taken.wait_for(at_most) != std::future_status::ready) return std::nullopt;
  return taken.get();
}

void ClusterHost::ReportReplication(const clusterkit::ReplicationStatus& status) {
  Post([status](Node& node) { node.ReportReplication(status); });
}

void ClusterHost::ReportDataPresent() {
  Post([](Node& node) { node.ReportDataPresent(true); });
}

void ClusterHost::OnDirective(std::string_view directive) {
  if (directive.substr(0, 8) != "cluster-" && directive != "replica-priority") return;
  alive_timer_.Start(0, static_cast<uint64_t>(AliveIntervalMs(server_.config())));
  Post([options = OptionsFor(server_.config())](Node& node) mutable {
    // Where peers reach the bus is fixed at start, as far as the port goes.
    options.bus.port = node.options().bus.port;
    options.max_link_queue_bytes = node.options().max_link_queue_bytes;
    options.seed = node.options().seed;
    const absl::Status status = node.Reconfigure(options);
    if (status.ok()) return;
    Log(LogLevel::kWarning, absl::StrCat("The node keeps its options: ", status.ToString()));
  });
}

// --- Node to data thread -------------------------------------------------------------------------

void ClusterHost::OnStampedEvent(const clusterkit::StampedEvent& stamped, Instant) {
  const LogLine line = LineFor(stamped.event, *node_->view());
  Log(line.level, line.text);
  events_.Add(stamped, absl::ToUnixMillis(absl::Now()));
  Act(stamped.event);
}

void ClusterHost::Act(const clusterkit::Event& event) {
  const NodeId self = node_->view()->self().id;
  if (const auto* role = std::get_if<clusterkit::RoleChanged>(&event)) {
    if (role->id != self) return;
    server_.PostToDataThread([this, changed = *role] { OnOwnRole(changed); });
  } else if (const auto* slots = std::get_if<clusterkit::SlotsRebound>(&event)) {
    server_.PostToDataThread([this, changes = slots->changes] { OnSlotsRebound(changes); });
  } else if (const auto* marks = std::get_if<clusterkit::SlotMigrationChanged>(&event)) {
    if (marks->mark.has_value()) return;
    server_.PostToDataThread([this, slots = marks->slots] { OnMarksClosed(slots); });
  } else if (const auto* pause = std::get_if<clusterkit::WritePauseChanged>(&event)) {
    server_.PostToDataThread([this, changed = *pause] { OnWritePause(changed); });
  } else if (const auto* failover = std::get_if<clusterkit::FailoverProgress>(&event)) {
    const bool catches_up = failover->step == clusterkit::FailoverProgress::Step::kPaused;
    server_.PostToDataThread([this, catches_up] { replication_.Hurry(catches_up); });
  } else if (std::holds_alternative<clusterkit::Departed>(event)) {
    server_.PostToDataThread([this] {
      if (left_) Drain(server_.pause().now_ms() + kMostDrainMs, server_.stats().requests);
    });
  } else if (std::holds_alternative<clusterkit::Halted>(event)) {
    // A node that can save nothing can promise nothing. It is replaced soonest if it is gone.
    _exit(1);
  }
}

void ClusterHost::OnOwnRole(const clusterkit::RoleChanged& event) {
  if (left_) return;  // About to end; what it holds does not matter any more.
  if (event.to == Role::kReplica) {
    if (event.primary.has_value()) replication_.Follow(*event.primary, event.shard_changed);
  } else if (event.cause == clusterkit::RoleChanged::Cause::kElected) {
    replication_.Promote(event.config_epoch.value);
  } else {
    replication_.BecomeEmpty();
  }
}

// The node counts its own time from before this, so the pause lasts at least as long here.
void ClusterHost::OnWritePause(const clusterkit::WritePauseChanged& event) {
  write_pause_ = event.number;
  Pause& pause = server_.pause();
  if (event.number == 0) {
    pause.End(Pause::Reason::kManualFailover);
  } else {
    pause.Begin(Pause::Reason::kManualFailover, Pause::Kind::kWrites,
                pause.now_ms() + absl::ToInt64Milliseconds(event.at_most));
  }
  ReportPause();
}

// With the next turn: what was executed before the pause is acknowledged in this one, and must be
// before the node may be replaced.
void ClusterHost::ReportPause() {
  server_.RunAfter(std::chrono::milliseconds(0), [this] {
    const Pause& pause = server_.pause();
    const bool obeyed = pause.has(Pause::Reason::kManualFailover) && pause.in_effect();
    replication_.ObeyPause(obeyed ? write_pause_ : 0);
  });
}

// Before the process ends a replica takes over, if there is one and time.
void ClusterHost::Leave(std::function<void()> done) {
  const NodeView& self = view().self();
  if (self.role == Role::kReplica || self.slot_count == 0) return done();
  left_ = std::move(done);
  Log(LogLevel::kNotice, "Handing over to a replica before shutting down.");
  Post([within = absl::Seconds(server_.config().shutdown_timeout)](Node& node) {
    (void)node.Stop(within);  // Ends in Departed, however it goes.
  });
}

// Who is still connected is told where to go, until nobody asks any more.
void ClusterHost::Drain(int64_t until_ms, uint64_t requests_before) {
  server_.RunAfter(std::chrono::milliseconds(kQuietMs), [this, until_ms, requests_before] {
    const uint64_t requests = server_.stats().requests;
    if (requests == requests_before || server_.pause().now_ms() >= until_ms) {
      std::exchange(left_, nullptr)();
    } else {
      Drain(until_ms, requests);
    }
  });
}

clusterkit::Endpoint ClusterHost::PrimaryAddress() {
  const ClusterView& view = this->view();
  if (!view.self().primary.has_value()) return {};
  const NodeView* primary = view.Find(*view.self().primary);
  return primary == nullptr ? clusterkit::Endpoint() : primary->client;
}

void ClusterHost::OnSlotsRebound(const std::vector<clusterkit::SlotRebind>& changes) {
  FollowView();
  const NodeId& self = view().self().id;
  for (const clusterkit::SlotRebind& change : changes) {
    if (change.from == self && change.to != self) lost_slots_.push_back(change.slot);
  }
  if (!lost_slots_.empty()) lost_slots_timer_.Start(kDropDelayMs, kDropIntervalMs);
}

// A slot that was on its way is lost to whom it was going to, or to somebody else who found keys of
// it. What is left of it here is nowhere else: it waits to be sent there.
void ClusterHost::OnMarksClosed(const clusterkit::SlotSet& slots) {
  slots.ForEach([this](SlotId slot) {
    const NodeView* owner = view().OwnerOf(slot);
    const auto lost = std::find(lost_slots_.begin(), lost_slots_.end(), slot);
    if (owner == nullptr || lost == lost_slots_.end()) return;
    if (server_.keyspace().CountInSlot(slot) == 0) return;
    lost_slots_.erase(lost);
    Post([slot, from = owner->id](Node& node) {
      (void)node.BeginImport(clusterkit::SlotSet::Of({slot, slot}), from);
    });
  });
}

void ClusterHost::DropLostKeys() {
  // A replica has what its primary has.
  if (replication_.is_replica()) lost_slots_.clear();
  if (replication_.withheld() || server_.pause().active() || server_.executor().exclusive()) return;
  Keyspace& keyspace = server_.keyspace();
  std::vector<std::string> keys;
  while (!lost_slots_.empty() && keys.size() < kDropStep) {
    const SlotId slot = lost_slots_.front();
    const NodeView* owner = view().OwnerOf(slot);
    // Judged by the latest view: a slot that went to a node of our shard is replicated from there.
    const bool lost = owner != nullptr && owner->shard != view().self().shard &&
                      view().open_slots().Find(slot) == nullptr;
    const size_t before = keys.size();
    if (lost) {
      keyspace.ForEachInSlot(slot, kDropStep - before,
                             [&keys](Entry& entry) { keys.emplace_back(entry.key()); });
    }
    if (keyspace.CountInSlot(slot) > keys.size() - before && lost) break;
    lost_slots_.pop_front();
  }
  for (const std::string& key : keys) {
    const std::string_view del[] = {"DEL", key};
    replication_.Propagate(del);
    keyspace.Erase(key);
  }
  if (lost_slots_.empty()) lost_slots_timer_.Stop();
}

}  // namespace kv
