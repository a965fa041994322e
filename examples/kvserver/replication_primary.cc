#include "kvserver/replication_primary.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kvserver/log.h"
#include "kvserver/loop_handles.h"
#include "kvserver/server.h"

namespace kv {
namespace {

// A snapshot pauses while a replica's socket has this much to send.
constexpr size_t kMaxQueued = 1 << 20;
constexpr size_t kChunk = 256 * 1024;
constexpr size_t kEntriesPerStep = 64;
constexpr uint64_t kStepBudgetNs = 1'000'000;
constexpr uint64_t kStepIntervalMs = 1;
// A replica that takes nothing of its snapshot for so long is dropped: others may wait for it.
constexpr int64_t kMaxPauseMs = 10'000;
constexpr size_t kMaxStream = 1 << 20;  // flushed beyond it, also in the middle of a turn
constexpr size_t kKeepStream = 256 * 1024;

// "ip" of "ip:port" and of "[ip]:port".
std::string HostOf(std::string_view address) {
  std::string_view host = address.substr(0, address.rfind(':'));
  if (host.size() > 1 && host.front() == '[') host = host.substr(1, host.size() - 2);
  return std::string(host);
}

std::string Name(const ReplicationPrimary::Replica& replica) {
  return absl::StrCat(replica.host, ":", replica.port);
}

}  // namespace

ReplicationPrimary::ReplicationPrimary(Server& server, DataState& data)
    : server_(server),
      data_(data),
      snapshot_timer_(server.loop(), [this] { AdvanceSnapshot(); }),
      catch_up_timer_(server.loop(), [this] { CatchUp(); }) {}

ReplicationPrimary::Replica* ReplicationPrimary::Find(ClientId id) {
  const auto found = std::find_if(replicas_.begin(), replicas_.end(),
                                  [id](const Replica& replica) { return replica.id == id; });
  return found == replicas_.end() ? nullptr : &*found;
}

bool ReplicationPrimary::CanContinue(const Position& position) const {
  return position.next > 0 &&
         data_.CanContinue(position.stream_id, static_cast<uint64_t>(position.next) - 1);
}

void ReplicationPrimary::Attach(Client& client, const Position& position) {
  if (Find(client.id) != nullptr) return;
  Flush();  // What is behind this goes to it as to the others.
  const Announcement& announced = announcements_[client.id];
  Replica replica;
  replica.id = client.id;
  replica.host = announced.host.empty() ? HostOf(client.address) : announced.host;
  replica.port = announced.port;
  replica.last_heard_ms = NowMs();
  client.kind = ClientKind::kReplica;
  Log(LogLevel::kNotice, absl::StrCat("Replica ", Name(replica), " asks for synchronization"));
  Stats& stats = server_.stats();
  if (CanContinue(position)) {
    ++stats.partial_syncs;
    replica.state = State::kCatchingUp;
    replica.acked = replica.sent = static_cast<uint64_t>(position.next) - 1;
    // Beyond Redis, what tells the replica which history it enters, and where.
    absl::StrAppend(&client.reply, "+CONTINUE ", data_.stream_id, " ", data_.progress.history.value,
                    " ", data_.history_start(), "\r\n");
    TakeMissed(replica, client.reply);
    if (replica.state != State::kOnline) catch_up_timer_.Start(kStepIntervalMs, kStepIntervalMs);
    Log(LogLevel::kNotice,
        absl::StrCat("Partial resynchronization request from ", Name(replica),
                     " accepted. Sending ", data_.backlog.end() - replica.acked,
                     " bytes of backlog starting from offset ", position.next, "."));
  } else {
    ++stats.full_syncs;
    if (position.stream_id != "?") ++stats.refused_partial_syncs;
    if (!data_.backlog.active()) data_.backlog.Start(data_.progress.offset);
  }
  if (replicas_.empty()) last_ping_ms_ = NowMs();
  replicas_.push_back(std::move(replica));
}

void ReplicationPrimary::OnAck(ClientId id, uint64_t offset) {
  Replica* replica = Find(id);
  if (replica == nullptr) return;
  replica->acked = std::max(replica->acked, offset);
  replica->last_heard_ms = NowMs();
}

void ReplicationPrimary::OnClientClosed(ClientId id) {
  announcements_.erase(id);
  const Replica* replica = Find(id);
  if (replica == nullptr) return;
  Log(LogLevel::kWarning, absl::StrCat("Connection with replica ", Name(*replica), " lost."));
  replicas_.erase(replicas_.begin() + (replica - replicas_.data()));
}

void ReplicationPrimary::DropAll() {
  std::vector<ClientId> ids;
  for (const Replica& replica : replicas_) ids.push_back(replica.id);
  for (const ClientId id : ids) server_.CloseClient(id);
  Flush();
  FinishSnapshot();
}

void ReplicationPrimary::Drop(ClientId id, std::string_view why) {
  const Replica* replica = Find(id);
  if (replica == nullptr) return;
  std::string text = absl::StrCat("Disconnecting replica ", Name(*replica), ": ");
  Log(LogLevel::kWarning, text.append(why));
  server_.CloseClient(id);
}

// --- The stream ---

void ReplicationPrimary::Append(Args args) {
  if (replicas_.empty() && !data_.backlog.active()) {
    // Counted all the same: what a replica that comes back holds must not look up to date.
    data_.progress.offset += RequestSize(args);
    return;
  }
  const size_t before = stream_.size();
  AppendRequest(stream_, args);
  data_.progress.offset += stream_.size() - before;
  if (stream_.size() > kMaxStream) Flush();
}

void ReplicationPrimary::Flush() {
  // The stream stands still during a pause.
  if (!server_.pause().active() && std::exchange(acks_wanted_, false) && !replicas_.empty()) {
    static constexpr std::string_view kGetAck[] = {"REPLCONF", "GETACK", "*"};
    Append(kGetAck);
  }
  if (stream_.empty()) return;
  std::string bytes;
  bytes.swap(stream_);
  data_.backlog.Append(bytes, static_cast<size_t>(server_.config().repl_backlog_size));
  SendTo(State::kOnline, bytes);
  for (Replica& replica : replicas_) {
    if (replica.held.active()) replica.held.Append(bytes, std::numeric_limits<size_t>::max());
  }
  if (stream_.empty() && bytes.capacity() <= kKeepStream) {
    bytes.clear();
    stream_.swap(bytes);
  }
}

void ReplicationPrimary::SendTo(State state, std::string_view bytes) {
  // A failing send closes the connection, which takes the replica off the list.
  for (size_t i = 0; i < replicas_.size();) {
    const ClientId id = replicas_[i].id;
    if (replicas_[i].state == state) server_.SendNow(id, bytes);
    if (i < replicas_.size() && replicas_[i].id == id) ++i;
  }
}

size_t ReplicationPrimary::Queued(const Replica& replica) {
  const Client* client = server_.FindClient(replica.id);
  return client == nullptr ? 0 : client->reply.size() + client->pending_output_bytes;
}

int64_t ReplicationPrimary::CountAcked(uint64_t offset) const {
  return std::count_if(replicas_.begin(), replicas_.end(), [offset](const Replica& replica) {
    return replica.state == State::kOnline && replica.acked >= offset;
  });
}

int64_t ReplicationPrimary::CountGood(int64_t now_ms, int64_t max_lag_ms) const {
  return std::count_if(replicas_.begin(), replicas_.end(), [&](const Replica& replica) {
    return replica.state == State::kOnline && now_ms - replica.last_heard_ms <= max_lag_ms;
  });
}

// --- Snapshots ---

void ReplicationPrimary::OnTurn() {
  Flush();
  const bool waiting = std::any_of(replicas_.begin(), replicas_.end(), [](const Replica& replica) {
    return replica.state == State::kWaiting;
  });
  // Of a transaction that waits in its middle, the stream brings all at its end.
  if (waiting && !server_.keyspace().snapshot_active() && !server_.executor().exclusive()) {
    StartSnapshot();
  }
}

void ReplicationPrimary::StartSnapshot() {
  end_mark_ = RandomReplicationId();
  const std::string reply = absl::StrCat("+FULLRESYNC ", data_.stream_id, " ",
                                         data_.progress.offset, "\r\n$EOF:", end_mark_, "\r\n");
  for (Replica& replica : replicas_) {
    if (replica.state != State::kWaiting) continue;
    replica.state = State::kSyncing;
    replica.held.Start(data_.progress.offset);
  }
  SendTo(State::kSyncing, reply);
  encoder_.emplace(&chunk_, data_.progress.history.value);
  server_.keyspace().StartSnapshot(
      [this](const Entry& entry, bool whole) { return encoder_->Add(entry, whole); });
  snapshot_timer_.Start(kStepIntervalMs, kStepIntervalMs);
  AdvanceSnapshot();
}

void ReplicationPrimary::AdvanceSnapshot() {
  bool syncing = false;
  bool full = false;
  for (const Replica& replica : replicas_) {
    if (replica.state != State::kSyncing) continue;
    syncing = true;
    full |= Queued(replica) > kMaxQueued;
  }
  if (!syncing) return FinishSnapshot();
  if (full) return;

  const uint64_t deadline = uv_hrtime() + kStepBudgetNs;
  bool more = true;
  while (more && chunk_.size() < kChunk && uv_hrtime() < deadline) {
    more = server_.keyspace().AdvanceSnapshot(kEntriesPerStep);
  }
  if (!more) {
    encoder_->Finish();
    chunk_ += end_mark_;
  }
  std::string bytes;
  bytes.swap(chunk_);
  SendTo(State::kSyncing, bytes);
  if (!more) FinishSnapshot();
}

void ReplicationPrimary::FinishSnapshot() {
  snapshot_timer_.Stop();
  if (!encoder_.has_value()) return;
  encoder_.reset();
  chunk_.clear();
  if (server_.keyspace().snapshot_active()) server_.keyspace().CancelSnapshot();
  for (Replica& replica : replicas_) {
    if (replica.state != State::kSyncing) continue;
    Log(LogLevel::kNotice,
        absl::StrCat("Synchronization with replica ", Name(replica), " succeeded"));
    replica.state = State::kCatchingUp;
    replica.sent = replica.held.first();
  }
  catch_up_timer_.Start(kStepIntervalMs, kStepIntervalMs);
  CatchUp();
}

// --- What came meanwhile ---

void ReplicationPrimary::TakeMissed(Replica& replica, std::string& out) {
  const ReplicationBacklog& stream = replica.held.active() ? replica.held : data_.backlog;
  const size_t before = out.size();
  stream.CopyFrom(replica.sent, kChunk, out);
  replica.sent += out.size() - before;
  if (replica.sent < stream.end()) {
    // What was sent is dropped.
    replica.held.Append({}, static_cast<size_t>(replica.held.end() - replica.sent));
    return;
  }
  replica.state = State::kOnline;
  replica.last_heard_ms = NowMs();
  replica.held.Stop();
}

void ReplicationPrimary::CatchUp() {
  bool all_online = true;
  for (size_t i = 0; i < replicas_.size();) {
    Replica& replica = replicas_[i];
    const ClientId id = replica.id;
    if (replica.state == State::kCatchingUp) {
      all_online = false;
      if (!replica.held.active() && !data_.backlog.Holds(replica.sent)) {
        Drop(id, "the backlog does not reach back to what it lacks any more");
      } else if (Queued(replica) <= kMaxQueued) {
        std::string bytes;
        TakeMissed(replica, bytes);
        server_.SendNow(id, bytes);
      }
    }
    if (i < replicas_.size() && replicas_[i].id == id) ++i;
  }
  if (all_online) catch_up_timer_.Stop();
}

// --- Upkeep ---

bool ReplicationPrimary::IsLate(Replica& replica, int64_t now_ms) {
  if (replica.state != State::kOnline) {
    // It says nothing until it has the data; that its socket takes them is a sign of life.
    const size_t queued = Queued(replica);
    if (queued < replica.last_queued || queued == 0) replica.last_heard_ms = now_ms;
    replica.last_queued = queued;
  }
  int64_t limit_ms = server_.config().repl_timeout * 1000;
  if (replica.state == State::kSyncing) limit_ms = std::min(limit_ms, kMaxPauseMs);
  return now_ms - replica.last_heard_ms > limit_ms;
}

// Of one that is online, all is in its client's output, which has its own check.
bool ReplicationPrimary::IsTooLarge(Replica& replica, int64_t now_ms) {
  if (!replica.held.active()) return false;
  const Config& config = server_.config();
  const OutputLimit& limit = config.output_limit_replica;
  const uint64_t hard = config.replica_output_limit();
  const size_t size = replica.held.size() + Queued(replica);
  if (limit.soft_bytes == 0 || size <= limit.soft_bytes) {
    replica.over_soft_limit_since_ms = 0;
  } else if (replica.over_soft_limit_since_ms == 0) {
    replica.over_soft_limit_since_ms = now_ms;
  }
  const int64_t since_ms = replica.over_soft_limit_since_ms;
  return (hard != 0 && size > hard) ||
         (since_ms != 0 && now_ms - since_ms > limit.soft_seconds * 1000);
}

void ReplicationPrimary::Cron(int64_t now_ms) {
  const Config& config = server_.config();
  std::vector<ClientId> late;
  std::vector<ClientId> large;
  for (Replica& replica : replicas_) {
    if (IsLate(replica, now_ms)) late.push_back(replica.id);
    if (IsTooLarge(replica, now_ms)) large.push_back(replica.id);
  }
  for (const ClientId id : late) Drop(id, "nothing was heard of it for too long");
  for (const ClientId id : large) {
    Drop(id, "the stream that waits for its snapshot exceeds client-output-buffer-limit");
  }
  if (replicas_.empty()) return;
  if (!server_.pause().has(Pause::Reason::kManualFailover) &&
      now_ms - last_ping_ms_ >= config.repl_ping_replica_period * 1000) {
    last_ping_ms_ = now_ms;
    static constexpr std::string_view kPing[] = {"PING"};
    Append(kPing);
  }
  // Tells those who wait for a snapshot that they are not forgotten.
  if (now_ms - last_newline_ms_ >= 1000) {
    last_newline_ms_ = now_ms;
    SendTo(State::kWaiting, "\n");
  }
}

}  // namespace kv
