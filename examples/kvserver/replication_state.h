#ifndef KVSERVER_REPLICATION_STATE_H_
#define KVSERVER_REPLICATION_STATE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "clusterkit/types.h"
#include "kvserver/command.h"
#include "kvserver/replication_backlog.h"

namespace kv {

inline constexpr size_t kReplicationIdSize = 40;

// That many random hex digits.
std::string RandomReplicationId();

// Which data this node holds. Shared by both sides of replication; data thread only.
//
// The offset counts bytes of the command stream: of its own stream on a primary, of its primary's
// on a replica, so that the two can be compared and a promoted replica goes on counting. It is
// meaningful within one history, which begins with the election of a primary.
//
// A stream has a random name, given by the primary that began it, and its bytes depend on nothing
// but name and offset. So who has a stream up to an offset can be continued by whoever has the
// same stream at least as far; also by the successor of its primary, up to where that took over.
// What changes the data without the stream must end with ForgetStream.
class DataState {
 public:
  clusterkit::Progress progress;
  std::string stream_id = RandomReplicationId();
  // The stream that this one continues, before `second_offset` as Redis counts it: from 1.
  std::string second_id = std::string(kReplicationIdSize, '0');
  int64_t second_offset = -1;
  // Ends at progress.offset, but for what the primary's side has not flushed.
  ReplicationBacklog backlog;

  // --- Of a primary ---
  // Begins a history of its own that continues this one.
  void BeginHistory(clusterkit::Epoch history);
  // Whether somebody with this stream up to `from` has what this node had there, and the backlog
  // has all that came since.
  bool CanContinue(std::string_view id, uint64_t from) const;
  // Where the present history continued another one.
  uint64_t history_start() const {
    return second_offset < 0 ? 0 : static_cast<uint64_t>(second_offset) - 1;
  }

  // --- Of a replica ---
  // Whether the data are those of the stream at the offset.
  bool in_stream() const { return progress.synced && in_stream_; }
  // A whole copy was taken.
  void Replace(std::string_view id, uint64_t offset);
  // The primary goes on from here. Its history began at `start`, which may still be ahead: until
  // then this is a part of the history before, and must not look fresher than more of that.
  void Continue(std::string_view id, clusterkit::Epoch history, uint64_t start);
  // So much more of the stream was applied.
  void Advance(std::string_view bytes, size_t backlog_size);
  // What is here is no longer what the stream's name and the offset say.
  void ForgetStream();

 private:
  void EnterHistory();

  struct History {
    clusterkit::Epoch epoch;
    uint64_t start = 0;
  };

  bool in_stream_ = true;
  std::optional<History> ahead_;
};

// Appends a request as a RESP array of bulk strings, and the size that this would take.
void AppendRequest(std::string& out, Args args);
size_t RequestSize(Args args);

}  // namespace kv

#endif  // KVSERVER_REPLICATION_STATE_H_
