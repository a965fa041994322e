#include "kvserver/replication_backlog.h"

#include <algorithm>
#include <utility>

namespace kv {
namespace {

constexpr size_t kBlock = 16 * 1024;

}  // namespace

void ReplicationBacklog::Start(uint64_t offset) {
  Stop();
  active_ = true;
  end_ = offset;
}

void ReplicationBacklog::Stop() { *this = ReplicationBacklog(); }

void ReplicationBacklog::Append(std::string_view bytes, size_t capacity) {
  if (!active_) return;
  end_ += bytes.size();
  if (bytes.size() > capacity) {
    blocks_.clear();
    size_ = dropped_ = 0;
    bytes.remove_prefix(bytes.size() - capacity);
  }
  size_ += bytes.size();
  while (!bytes.empty()) {
    if (blocks_.empty() || blocks_.back().size() == kBlock) blocks_.emplace_back().reserve(kBlock);
    std::string& block = blocks_.back();
    const size_t size = std::min(bytes.size(), kBlock - block.size());
    block.append(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
  Trim(capacity);
}

void ReplicationBacklog::Trim(size_t capacity) {
  if (size_ <= capacity) return;
  dropped_ += size_ - capacity;
  size_ = capacity;
  while (!blocks_.empty() && dropped_ >= blocks_.front().size()) {
    dropped_ -= blocks_.front().size();
    blocks_.pop_front();
  }
}

void ReplicationBacklog::CopyFrom(uint64_t offset, size_t max, std::string& out) const {
  size_t left = std::min(max, static_cast<size_t>(end_ - offset));
  // All blocks but the last are full.
  size_t position = static_cast<size_t>(offset - first()) + dropped_;
  while (left > 0) {
    const std::string& block = blocks_[position / kBlock];
    const size_t size = std::min(left, block.size() - position % kBlock);
    out.append(block, position % kBlock, size);
    position += size;
    left -= size;
  }
}

}  // namespace kv
