#include "kvserver/replication_state.h"

#include <charconv>
#include <random>

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
  constexpr size_t kLength = 40;
  std::random_device random;
  std::string id;
  while (id.size() < kLength) id += kDigits[random() % 16];
  return id;
}

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
