#ifndef KVSERVER_REPLICATION_BACKLOG_H_
#define KVSERVER_REPLICATION_BACKLOG_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace kv {

// The last bytes of the replication stream, from which a replica that missed few of them goes on.
// Positions are offsets of the stream: how many bytes came before.
class ReplicationBacklog {
 public:
  bool active() const { return active_; }
  // From here on, the stream being at `offset`.
  void Start(uint64_t offset);
  void Stop();

  // Of the stream, without a gap. Keeps the last `capacity` bytes.
  void Append(std::string_view bytes, size_t capacity);

  uint64_t end() const { return end_; }
  uint64_t first() const { return end_ - size_; }
  size_t size() const { return size_; }
  // Whether everything behind `offset` is here.
  bool Holds(uint64_t offset) const { return active_ && offset >= first() && offset <= end_; }
  // Adds what is behind `offset`, at most `max` bytes. Requires Holds(offset).
  void CopyFrom(uint64_t offset, size_t max, std::string& out) const;

 private:
  void Trim(size_t capacity);

  bool active_ = false;
  uint64_t end_ = 0;
  size_t size_ = 0;
  std::deque<std::string> blocks_;
  size_t dropped_ = 0;  // of the first block
};

}  // namespace kv

#endif  // KVSERVER_REPLICATION_BACKLOG_H_
