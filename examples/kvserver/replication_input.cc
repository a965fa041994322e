// What the primary sends: answers to the handshake, a snapshot, the stream.

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kvserver/log.h"
#include "kvserver/loop_handles.h"
#include "kvserver/replication_replica.h"
#include "kvserver/server.h"
#include "kvserver/text.h"

namespace kv {
namespace {

constexpr size_t kMaxLine = 1024;

}  // namespace

void ReplicationReplica::OnRead(ssize_t size) {
  input_.resize(filled_ + static_cast<size_t>(std::max<ssize_t>(size, 0)));
  if (size == 0) return;  // EAGAIN
  if (size < 0) return Fail(uv_strerror(static_cast<int>(size)));
  last_io_ms_ = NowMs();
  Consume();
}

void ReplicationReplica::OnTurn() {
  if (stopped_short_) Consume();
}

void ReplicationReplica::Consume() {
  // A client is in the middle of a transaction: the data must not change under it.
  stopped_short_ = server_.executor().exclusive();
  bool more = !stopped_short_;
  while (more && socket_ != nullptr) {
    switch (state_) {
      case State::kHandshake:
        more = ConsumeHandshakeLine();
        break;
      case State::kLoading:
        more = ConsumeSnapshot();
        break;
      case State::kConnected:
        more = ConsumeStream();
        break;
      default:
        more = false;
    }
  }
  server_.stats().calls.Stop();
  if (consumed_ == 0) return;
  input_.erase(0, consumed_);
  consumed_ = 0;
}

bool ReplicationReplica::ConsumeHandshakeLine() {
  const std::string_view input = Input();
  const size_t end = input.find('\n');
  if (end == std::string_view::npos) {
    if (input.size() > kMaxLine) Fail("the answer is no line");
    return false;
  }
  consumed_ += end + 1;
  std::string_view line = input.substr(0, end);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  if (line.empty()) return true;  // keeps the connection alive while a snapshot is awaited
  if (replies_due_ > 0) {
    // PSYNC's answer decides; this one may tell the reason, such as a wrong password.
    --replies_due_;
    if (!line.empty() && line[0] == '-') {
      std::string text = absl::StrCat("The primary ", peer_.host, ":", peer_.port,
                                      " answers the handshake with: ");
      Log(Repeated() ? LogLevel::kVerbose : LogLevel::kWarning, text.append(line.substr(0, 256)));
    }
    return true;
  }
  OnPsyncReply(line);
  return socket_ != nullptr;
}

void ReplicationReplica::OnPsyncReply(std::string_view line) {
  constexpr std::string_view kFullResync = "+FULLRESYNC ";
  constexpr std::string_view kContinue = "+CONTINUE ";
  constexpr std::string_view kEof = "$EOF:";
  if (line.substr(0, kFullResync.size()) == kFullResync) {
    return OnFullResync(line.substr(kFullResync.size()));
  }
  if (line.substr(0, kContinue.size()) == kContinue) {
    return OnContinue(line.substr(kContinue.size()));
  }
  if (line.substr(0, kEof.size()) == kEof && line.size() == kEof.size() + kReplicationIdSize &&
      !stream_id_.empty()) {
    end_mark_ = std::string(line.substr(kEof.size()));
    decoder_ = SnapshotDecoder();
    snapshot_complete_ = false;
    state_ = State::kLoading;
    return;
  }
  Fail(line.substr(0, 128));
}

void ReplicationReplica::OnFullResync(std::string_view words) {
  const auto parts = SplitWords(words);
  int64_t offset = 0;
  if (!parts.has_value() || parts->size() != 2 || !ParseInt((*parts)[1], &offset) || offset < 0) {
    return Fail("malformed answer to PSYNC");
  }
  stream_id_ = (*parts)[0];
  offset_ = static_cast<uint64_t>(offset);
}

void ReplicationReplica::OnContinue(std::string_view words) {
  const auto parts = SplitWords(words);
  int64_t history = 0;
  int64_t start = 0;
  const bool good = parts.has_value() && parts->size() == 3 &&
                    (*parts)[0].size() == kReplicationIdSize && ParseInt((*parts)[1], &history) &&
                    ParseInt((*parts)[2], &start) && history >= 0 && start >= 0;
  if (!good || !may_continue_) return Fail("malformed answer to PSYNC");
  if (static_cast<uint64_t>(history) < data_.progress.history.value) {
    return FailStream("it goes on with an older history");
  }
  Log(LogLevel::kNotice, "PRIMARY <-> REPLICA sync: Successful partial resynchronization");
  GoOnline();
  owner_.OnContinued({(*parts)[0], static_cast<uint64_t>(history), static_cast<uint64_t>(start)});
  SendAck();
}

void ReplicationReplica::GoOnline() {
  state_ = State::kConnected;
  retry_delay_ms_ = 0;
  parser_ = RequestParser();
}

bool ReplicationReplica::ConsumeSnapshot() {
  const std::string_view input = Input();
  if (snapshot_complete_) {
    if (input.size() < end_mark_.size()) return false;
    if (input.substr(0, end_mark_.size()) != end_mark_) {
      Fail("the snapshot does not end with its mark");
      return false;
    }
    consumed_ += end_mark_.size();
    GoOnline();
    Log(LogLevel::kNotice, "PRIMARY <-> REPLICA sync: Finished with success");
    owner_.OnLoaded(std::exchange(stream_id_, {}), offset_);
    SendAck();
    return socket_ != nullptr;
  }
  const SnapshotDecoder::Result result = decoder_.Next(input);
  switch (result) {
    case SnapshotDecoder::Result::kNeedMore:
      return false;
    case SnapshotDecoder::Result::kError:
      Fail(absl::StrCat("damaged snapshot: ", decoder_.error()));
      return false;
    case SnapshotDecoder::Result::kHeader:
      server_.keyspace().Clear();
      owner_.OnLoadingStarted(decoder_.history());
      break;
    case SnapshotDecoder::Result::kRecord:
      if (!LoadRecord(decoder_.record(), server_.keyspace())) {
        Fail("damaged snapshot: a value that is none");
        return false;
      }
      break;
    case SnapshotDecoder::Result::kEnd:
      snapshot_complete_ = true;
      break;
  }
  consumed_ += decoder_.consumed();
  return true;
}

bool ReplicationReplica::ConsumeStream() {
  // Clients may send inline commands and empty arrays; a primary has no reason to.
  if (const std::string_view input = Input(); !input.empty() && input[0] != '*') {
    FailStream("malformed stream: a command is no array");
    return false;
  }
  RequestParser::Limits limits;
  limits.max_args = std::numeric_limits<int32_t>::max();
  limits.max_bulk_bytes = std::numeric_limits<int64_t>::max();
  switch (parser_.Next(Input(), limits)) {
    case RequestParser::Result::kNeedMore:
      return false;
    case RequestParser::Result::kError:
      FailStream(absl::StrCat("malformed stream: ", parser_.error()));
      return false;
    case RequestParser::Result::kRequest:
      break;
  }
  const size_t size = parser_.consumed();
  if (parser_.args().empty()) {
    FailStream("malformed stream: an empty command");
    return false;
  }
  if (!Apply(parser_.args())) return false;
  consumed_ += size;
  return socket_ != nullptr;
}

bool ReplicationReplica::Apply(Args args) {
  const std::string_view bytes = Input().substr(0, parser_.consumed());
  if (EqualsIgnoreCase(args[0], "REPLCONF")) {
    CountApplied(bytes);
    SendAck();  // GETACK is all that a primary asks.
    return true;
  }
  if (!EqualsIgnoreCase(args[0], "PING")) {
    applying_ = true;
    const bool applied = server_.executor().ApplyFromPrimary(client_, args);
    applying_ = false;
    if (!applied) {
      // Going on would spread the difference.
      std::string text = "the data differ: it sent a command that fails here: ";
      FailStream(text.append(args[0].substr(0, 64)));
      return false;
    }
  }
  CountApplied(bytes);
  return true;
}

void ReplicationReplica::CountApplied(std::string_view bytes) {
  if (client_.in_multi() || !uncounted_.empty()) uncounted_ += bytes;
  if (client_.in_multi()) return;
  owner_.OnApplied(uncounted_.empty() ? bytes : uncounted_);
  uncounted_.clear();
}

void ReplicationReplica::FailStream(std::string_view why) {
  owner_.OnDiverged();
  Fail(why);
}

}  // namespace kv
