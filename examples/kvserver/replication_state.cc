#include "kvserver/replication_state.h"

#include <charconv>
#include <random>
#include <utility>

namespace kv {
namespace {

size_t DigitsOf(size_t value) {
  size_t digits = 1;
  for (; value >= 10; value /= 10) ++digits;
  return digits;
}

void AppendHeader(std::string& out, char type, size_t value) {
  char digits[24];
  const char* end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  out += type;
  out.append(digits, static_cast<size_t>(end - digits));
  out += "\r\n";
}

}  // namespace

std::string RandomReplicationId() {
  constexpr char kDigits[] = "0123456789abcdef";
  std::random_device random;
  std::string id;
  while (id.size() < kReplicationIdSize) id += kDigits[random() % 16];
  return id;
}

// --- Streams ---

void DataState::BeginHistory(clusterkit::Epoch history) {
  ahead_.reset();
  progress.history = history;
  second_id = std::exchange(stream_id, RandomReplicationId());
  second_offset = static_cast<int64_t>(progress.offset) + 1;
  in_stream_ = true;
  if (!backlog.active()) backlog.Start(progress.offset);
}

bool DataState::CanContinue(std::string_view id, uint64_t from) const {
  const bool own = id == stream_id && from <= progress.offset;
  const bool before = id == second_id && second_offset >= 0 && from <= history_start();
  return progress.synced && (own || before) && backlog.Holds(from);
}

void DataState::Replace(std::string_view id, uint64_t offset) {
  stream_id = std::string(id);
  second_id = std::string(kReplicationIdSize, '0');
  second_offset = -1;
  progress.offset = offset;
  progress.synced = true;
  in_stream_ = true;
  ahead_.reset();
  backlog.Start(offset);
}

void DataState::Continue(std::string_view id, clusterkit::Epoch history, uint64_t start) {
  if (id != stream_id) {
    second_id = std::exchange(stream_id, std::string(id));
    second_offset = static_cast<int64_t>(progress.offset) + 1;
  }
  ahead_ = {history, start};
  EnterHistory();
  if (!backlog.active()) backlog.Start(progress.offset);
}

void DataState::Advance(std::string_view bytes, size_t backlog_size) {
  progress.offset += bytes.size();
  backlog.Append(bytes, backlog_size);
  EnterHistory();
}

void DataState::EnterHistory() {
  if (!ahead_.has_value() || progress.offset < ahead_->start) return;
  progress.history = ahead_->epoch;
  ahead_.reset();
}

void DataState::ForgetStream() {
  stream_id = RandomReplicationId();
  second_id = std::string(kReplicationIdSize, '0');
  second_offset = -1;
  in_stream_ = false;
  ahead_.reset();
  backlog.Stop();
}

// --- Requests ---

void AppendRequest(std::string& out, Args args) {
  AppendHeader(out, '*', args.size());
  for (const std::string_view arg : args) {
    AppendHeader(out, '$', arg.size());
    out += arg;
    out += "\r\n";
  }
}

size_t RequestSize(Args args) {
  size_t size = 1 + DigitsOf(args.size()) + 2;
  for (const std::string_view arg : args) size += 1 + DigitsOf(arg.size()) + 2 + arg.size() + 2;
  return size;
}

}  // namespace kv
