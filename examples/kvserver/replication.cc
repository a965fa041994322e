#include "kvserver/replication.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "kvserver/log.h"
#include "kvserver/loop_handles.h"
#include "kvserver/server.h"

namespace kv {
namespace {

using clusterkit::Epoch;
using clusterkit::Progress;

// How often progress is told while data flow. Broken links are told at once.
constexpr uint64_t kCronMs = 100;
// The age of the last byte grows without being told; this bounds how much too old it looks.
constexpr int64_t kReportIntervalMs = 1000;

}  // namespace

Replication::Replication(Server& server, Cluster& cluster)
    : server_(server),
      cluster_(cluster),
      primary_side_(server, data_),
      replica_side_(server, data_, *this),
      waits_(server, primary_side_),
      cron_(server.loop(), [this] { Cron(); }),
      turn_(server.loop(), [this] { OnTurn(); }) {
  server.executor().set_replication_sink(this);
  server.OnClientClosed([this](const Client& client) {
    primary_side_.OnClientClosed(client.id);
    waits_.Forget(client.id);
  });
  cron_.Start(kCronMs, kCronMs);
}

Replication::~Replication() { server_.executor().set_replication_sink(nullptr); }

// --- Role ---

void Replication::Adopt(const RdbHead& head) {
  data_.Replace(head.stream_id, head.offset);
  data_.progress.history = Epoch{head.history};
}

void Replication::StartAsPrimary(bool has_data) {
  withheld_ = true;
  server_.executor().set_replica(true);
  if (has_data) Release();
  Report();
}

void Replication::Release() {
  withheld_ = false;
  server_.executor().set_replica(false);
  // What comes now is not what the stream of the snapshot had next.
  if (data_.progress.synced) data_.BeginHistory(data_.progress.history);
  data_.progress.synced = true;
}

void Replication::Follow(const clusterkit::NodeId& primary, bool other_shard) {
  if (primary_id_ == primary && !other_shard) return;
  primary_id_ = primary;
  withheld_ = false;
  server_.executor().set_replica(true);
  SetLogRole(LogRole::kReplica);
  primary_side_.DropAll();
  waits_.RefuseAll();
  server_.executor().DisconnectBlocked();
  if (other_shard) data_ = DataState();
  replica_side_.Start();
  Report();
}

void Replication::Promote(uint64_t history) {
  if (!is_replica() && data_.progress.history == Epoch{history}) return;
  primary_id_.reset();
  withheld_ = false;
  server_.executor().set_replica(false);
  replica_side_.Stop();
  SetLogRole(LogRole::kPrimary);
  data_.BeginHistory(Epoch{history});
  Report();
  Log(LogLevel::kNotice, absl::StrCat("Setting secondary replication ID to ", data_.second_id,
                                      ", valid up to offset: ", data_.second_offset,
                                      ". New replication ID is ", data_.stream_id));
}

void Replication::BecomeEmpty() {
  const bool was_replica = is_replica();
  primary_id_.reset();
  withheld_ = false;
  replica_side_.Stop();
  if (was_replica) server_.keyspace().Clear();
  server_.executor().set_replica(false);
  SetLogRole(LogRole::kPrimary);
  primary_side_.DropAll();
  data_ = DataState();
  data_.progress.synced = true;
  Report();
}

// --- Commands ---

std::string_view Replication::Attach(Client& client, const ReplicationPrimary::Position& position) {
  if (is_replica()) return "ERR Can't SYNC with a replica: only primaries have replicas here";
  const std::string& wanted = primary_side_.AnnouncementOf(client.id).primary_id;
  if (!wanted.empty() && wanted != cluster_.MyId()) {
    return "ERR Can't SYNC: this is not the primary that you follow, but another node";
  }
  if (withheld_) return "NOMASTERLINK data is missing here";
  primary_side_.Attach(client, position);
  return {};
}

void Replication::OnAck(ClientId id, uint64_t offset) {
  primary_side_.OnAck(id, offset);
  waits_.Check();
}

void Replication::Wait(Client& client, int64_t replicas, int64_t timeout_ms) {
  waits_.Add(client, replicas, timeout_ms);
}

std::optional<RdbHead> Replication::Describe() const {
  if (!data_.progress.synced) return std::nullopt;
  RdbHead head;
  head.stream_id = data_.stream_id;
  head.offset = data_.progress.offset;
  head.history = data_.progress.history.value;
  head.shard_id = cluster_.MyShardId();
  return head;
}

bool Replication::EnoughGoodReplicas() const {
  const Config& config = server_.config();
  return primary_side_.CountGood(NowMs(), config.min_replicas_max_lag * 1000) >=
         config.min_replicas_to_write;
}

// --- Stream ---

void Replication::Propagate(Args args) {
  if (!is_replica()) return primary_side_.Append(args);
  // A replica applies its primary's stream; it has none of its own. What else changes is the rest
  // of a transaction that began when this was the primary.
  if (replica_side_.applying() || !data_.in_stream()) return;
  Log(LogLevel::kWarning, "A change of the former primary comes too late for its successor.");
  data_.ForgetStream();
  replica_side_.Start();
}

void Replication::OnLoadingStarted(uint64_t history) {
  data_.ForgetStream();
  data_.progress = {Epoch{history}, 0, false};
  Report();
}

void Replication::OnLoaded(std::string_view stream_id, uint64_t offset) {
  data_.Replace(stream_id, offset);
  Report();
  cluster_.ReportDataPresent();
}

void Replication::OnContinued(const ReplicationReplica::Continuation& continuation) {
  data_.Continue(continuation.stream_id, Epoch{continuation.history}, continuation.history_start);
  Report();
}

void Replication::OnApplied(std::string_view bytes) {
  data_.Advance(bytes, static_cast<size_t>(server_.config().repl_backlog_size));
}

void Replication::OnLinkDown() {
  if (reported_.link_up) Report();
}

// --- Reports ---

void Replication::Report() {
  clusterkit::ReplicationStatus status;
  status.progress = data_.progress;
  if (is_replica()) {
    status.link_up = replica_side_.connected();
    status.since_last_io = absl::Milliseconds(NowMs() - replica_side_.last_io_ms());
  }
  if (!is_replica()) status.obeys_pause = obeyed_pause_;
  reported_ = status;
  reported_at_ms_ = NowMs();
  cluster_.ReportReplication(status);
}

void Replication::ObeyPause(uint64_t number) {
  if (number == obeyed_pause_) return;
  obeyed_pause_ = number;
  FlushStream();
  Report();
}

void Replication::OnTurn() {
  replica_side_.OnTurn();
  primary_side_.OnTurn();
  if (hurries_ && is_replica()) ReportIfDue();
}

void Replication::ReportIfDue() {
  const bool changed = !(data_.progress == reported_.progress) ||
                       (is_replica() && replica_side_.connected() != reported_.link_up);
  if (changed || (is_replica() && NowMs() - reported_at_ms_ >= kReportIntervalMs)) Report();
}

void Replication::Cron() {
  const int64_t now_ms = NowMs();
  primary_side_.Cron(now_ms);
  replica_side_.Cron(now_ms);
  waits_.Cron(now_ms);
  const int64_t backlog_ttl_s = server_.config().repl_backlog_ttl;
  if (is_replica() || !primary_side_.replicas().empty() || !data_.backlog.active()) {
    backlog_used_ms_ = now_ms;
  } else if (backlog_ttl_s > 0 && (now_ms - backlog_used_ms_) / 1000 >= backlog_ttl_s) {
    data_.backlog.Stop();
  }
  if (!is_replica() && cluster_.Serving()) OnServing();
  ReportIfDue();
}

}  // namespace kv
