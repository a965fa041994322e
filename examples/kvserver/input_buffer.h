#ifndef KVSERVER_INPUT_BUFFER_H_
#define KVSERVER_INPUT_BUFFER_H_

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

namespace kv {

// Bytes that were received and not served yet, and room behind them to read into. Unlike a
// vector it does not clear the room first.
class InputBuffer {
 public:
  std::string_view bytes() const { return {memory_.get() + begin_, size_}; }
  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }

  // Where the next bytes go; room() of them fit.
  char* end() { return memory_.get() + begin_ + size_; }
  size_t room() const { return capacity_ - begin_ - size_; }
  void Commit(size_t size) { size_ += size; }

  // Makes room for `room` more bytes.
  void Reserve(size_t room) {
    if (this->room() >= room) return;
    if (begin_ >= size_ && capacity_ - size_ >= room) {
      // No byte is moved more often than another one was dropped.
      std::memcpy(memory_.get(), memory_.get() + begin_, size_);
    } else {
      auto larger = std::make_unique_for_overwrite<char[]>(size_ + room);
      if (size_ > 0) std::memcpy(larger.get(), memory_.get() + begin_, size_);
      memory_ = std::move(larger);
      capacity_ = size_ + room;
    }
    begin_ = 0;
  }

  // Drops the first `size` bytes.
  void Consume(size_t size) {
    size_ -= size;
    begin_ = size_ == 0 ? 0 : begin_ + size;
  }

  void Append(std::string_view bytes) {
    Reserve(bytes.size());
    if (!bytes.empty()) std::memcpy(end(), bytes.data(), bytes.size());
    size_ += bytes.size();
  }

  // Gives the memory back. Requires that nothing is stored.
  void Release() {
    memory_.reset();
    capacity_ = 0;
  }

 private:
  std::unique_ptr<char[]> memory_;
  size_t begin_ = 0;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace kv

#endif  // KVSERVER_INPUT_BUFFER_H_
