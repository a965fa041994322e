#include "kvserver/migrate_transfer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kvserver/replication_state.h"
#include "kvserver/server.h"
#include "kvserver/value_codec.h"

namespace kv {
namespace {

// Values are encoded until this much waits for the socket.
constexpr size_t kWindow = size_t{256} << 10;
// How soon the data are looked at again when another client's transaction has them for itself.
constexpr uint64_t kRetryMs = 1;

void Append(std::string* out, std::initializer_list<std::string_view> args) {
  AppendRequest(*out, Args(args.begin(), args.size()));
}

}  // namespace

MigrateTransfer::MigrateTransfer(Server& server, Owner& owner, ClientId client,
                                 MigrateRequest request)
    : server_(server),
      owner_(owner),
      client_(client),
      request_(std::move(request)),
      step_(server.loop(), [this] { Step(); }),
      timer_(server.loop(), [this] { OnTime(); }) {
  Executor& executor = server_.executor();
  for (const std::string& name : request_.keys) {
    if (server_.keyspace().Find(name) == nullptr || !executor.locks().Lock(name)) continue;
    keys_.push_back({name, std::make_unique<Watch>(executor.watches())});
    keys_.back().watch->Add(name);
  }
  if (!request_.copy) long_write_.emplace(server_.pause());
  NoteProgress();
}

MigrateTransfer::~MigrateTransfer() {
  for (Key& key : keys_) Finish(key);
}

// --- Link ---

void MigrateTransfer::Step() {
  if (link_ == nullptr) {
    Open(/*fresh=*/retried_);
  } else {
    NoteProgress();
    ProcessReplies();
  }
}

void MigrateTransfer::Open(bool fresh) {
  NoteProgress();
  connected_ = false;
  link_ = owner_.LinkTo(request_, fresh);
  link_->set_listener(this);
  if (link_->connected()) {
    OnConnected();
  } else {
    link_->Connect();
  }
}

void MigrateTransfer::OnConnected() {
  connected_ = true;
  NoteProgress();
  SendPreamble();
  SendMore();
}

void MigrateTransfer::OnSent() {
  NoteProgress();
  SendMore();
}

void MigrateTransfer::OnLine(std::string_view line) {
  NoteProgress();
  replies_.emplace_back(line);
  ProcessReplies();
}

void MigrateTransfer::OnLost(bool had_address) {
  // What it has said before counts.
  lost_ = !replies_.empty();
  if (lost_) return;
  const bool sending = link_->unsent() > 0 || next_to_send_ < keys_.size();
  Fail(!had_address ? Failure::kConnecting
       : sending    ? Failure::kWriting
                    : Failure::kReading,
       /*timed_out=*/false);
}

void MigrateTransfer::NoteProgress() {
  last_unsent_ = link_ == nullptr ? 0 : link_->unsent();
  last_call_ = false;
  timer_.Start(static_cast<uint64_t>(request_.timeout_ms), 0);
}

void MigrateTransfer::OnTime() {
  if (connected_ && link_->unsent() < last_unsent_) return NoteProgress();
  // After a command that took long, timers come before sockets.
  if (!std::exchange(last_call_, true)) return timer_.Start(1, 0);
  const bool writing = connected_ && link_->unsent() > 0;
  Fail(!connected_ ? Failure::kConnecting
       : writing   ? Failure::kWriting
                   : Failure::kReading,
       /*timed_out=*/true);
}

// --- Out ---

void MigrateTransfer::SendPreamble() {
  std::string out;
  if (request_.password.has_value()) {
    auth_due_ = 1;
    if (request_.user.has_value()) {
      Append(&out, {"AUTH", *request_.user, *request_.password});
    } else {
      Append(&out, {"AUTH", *request_.password});
    }
  }
  if (link_->database != request_.database) {
    select_due_ = 1;
    Append(&out, {"SELECT", absl::StrCat(request_.database)});
  }
  if (!out.empty()) link_->Send(std::move(out));
}

void MigrateTransfer::SendMore() {
  std::string out;
  while (next_to_send_ < keys_.size() && out.size() + link_->unsent() < kWindow) {
    AppendKey(keys_[next_to_send_++], &out);
  }
  if (!out.empty()) link_->Send(std::move(out));
  last_unsent_ = link_->unsent();
  if (done()) End({});
}

void MigrateTransfer::AppendKey(Key& key, std::string* out) {
  // It has expired, or was flushed, since it was locked.
  if (key.watch->Broken()) return Finish(key);
  const Keyspace& keyspace = server_.keyspace();
  const Entry* entry = server_.keyspace().Find(key.name);
  const bool expires = entry->expires_at_ms != kNoExpiry;
  const std::string ttl =
      absl::StrCat(expires ? std::max<int64_t>(entry->expires_at_ms - keyspace.now_ms(), 1) : 0);
  const std::string payload = DumpPayload(entry->value);
  const std::string_view args[] = {server_.config().cluster_enabled ? "RESTORE-ASKING" : "RESTORE",
                                   key.name, ttl, payload, "REPLACE"};
  AppendRequest(*out, Args(args, request_.replace ? 5 : 4));
  key.state = Key::State::kSent;
}

// --- In ---

void MigrateTransfer::ProcessReplies() {
  bool ok = true;
  while (ok && !replies_.empty()) {
    // Deleting now would show in the middle of somebody's transaction.
    if (!server_.executor().MayChangeData(client_)) {
      timer_.Stop();
      return step_.Start(kRetryMs, 0);
    }
    const std::string line = std::move(replies_.front());
    replies_.pop_front();
    if (auth_due_ + select_due_ > 0) {
      OnPreambleReply(line);
    } else {
      ok = OnKeyReply(line);
    }
  }
  if (!ok || (lost_ && !done())) return Fail(Failure::kReading, /*timed_out=*/false);
  if (done()) End({});
}

void MigrateTransfer::OnPreambleReply(std::string_view line) {
  const bool error = !line.empty() && line[0] == '-';
  if (error && preamble_error_.empty()) preamble_error_ = std::string(line.substr(1));
  if (auth_due_ > 0) {
    auth_due_ = 0;
  } else {
    select_due_ = 0;
    link_->database = error ? -1 : request_.database;
  }
}

bool MigrateTransfer::OnKeyReply(std::string_view line) {
  while (next_to_answer_ < next_to_send_ && keys_[next_to_answer_].state == Key::State::kDone) {
    ++next_to_answer_;
  }
  const bool error = !line.empty() && line[0] == '-';
  if (next_to_answer_ == next_to_send_ || (!error && line != "+OK")) return false;
  Key& key = keys_[next_to_answer_++];
  if (error || !preamble_error_.empty()) {
    // Which database is selected there is not sure any more.
    link_->database = -1;
    if (target_error_.empty()) {
      target_error_ = preamble_error_.empty() ? std::string(line.substr(1)) : preamble_error_;
    }
  } else {
    acknowledged_ = true;
    if (!request_.copy) Delete(key);
  }
  Finish(key);
  return true;
}

void MigrateTransfer::Delete(Key& key) {
  Executor& executor = server_.executor();
  if (executor.replica()) {
    demoted_ = true;
    return;
  }
  if (key.watch->Broken()) return;
  key.watch.reset();
  const std::string_view del[] = {"DEL", key.name};
  executor.Propagate(del);
  server_.keyspace().Erase(key.name);
  server_.keyspace().CountChange();
  deleted_ = true;
}

void MigrateTransfer::Finish(Key& key) {
  if (std::exchange(key.state, Key::State::kDone) == Key::State::kDone) return;
  key.watch.reset();
  server_.executor().locks().Unlock(key.name);
}

// --- End ---

void MigrateTransfer::Fail(Failure failure, bool timed_out) {
  link_.reset();
  lost_ = false;
  replies_.clear();
  // A link that was kept may have been closed over there meanwhile.
  if (connected_ && !timed_out && !acknowledged_ && target_error_.empty() &&
      !std::exchange(retried_, true)) {
    next_to_send_ = 0;
    next_to_answer_ = 0;
    auth_due_ = 0;
    select_due_ = 0;
    preamble_error_.clear();
    for (Key& key : keys_) {
      if (key.state == Key::State::kSent) key.state = Key::State::kWaiting;
    }
    return Start();
  }
  constexpr std::string_view kTexts[] = {"connecting to the client", "writing to target instance",
                                         "reading to target instance"};
  std::string text = "IOERR error or timeout ";
  End(text.append(kTexts[static_cast<size_t>(failure)]));
}

bool MigrateTransfer::done() const {
  return auth_due_ + select_due_ == 0 &&
         std::all_of(keys_.begin(), keys_.end(),
                     [](const Key& key) { return key.state == Key::State::kDone; });
}

void MigrateTransfer::End(std::string error) {
  timer_.Stop();
  step_.Stop();
  for (Key& key : keys_) Finish(key);
  long_write_.reset();
  error_ = std::move(error);
  if (!target_error_.empty()) {
    error_ = absl::StrCat("ERR Target instance replied with error: ", target_error_);
  }
  if (link_ != nullptr) link_->set_listener(nullptr);
  owner_.OnEnd(*this, std::move(link_));
}

void MigrateTransfer::Answer() {
  Client* client = server_.FindClient(client_);
  if (client == nullptr) return;
  if (deleted_) {
    const ReplicationSink* sink = server_.executor().replication_sink();
    if (sink != nullptr) client->last_write_offset = sink->offset();
    client->unacknowledged_writes = true;
  }
  if (demoted_) {
    client->close_after_reply = true;
    // It acknowledges nothing, so it needs no lease.
    if (!client->in_exec()) client->leased_replies = client->unacknowledged_writes = false;
    error_ =
        "UNBLOCKED force unblock from blocking operation, instance state changed (master -> "
        "replica?)";
  }
  server_.Resume(client_, [this](ReplyWriter& reply) {
    if (error_.empty()) {
      reply.Ok();
    } else {
      reply.Error(error_);
    }
  });
}

}  // namespace kv
