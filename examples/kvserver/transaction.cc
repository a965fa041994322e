#include "kvserver/transaction.h"

#include <utility>

namespace kv {

size_t RequestQueue::CostOf(Args args) {
  size_t cost = sizeof(Copy) + sizeof(Request);
  for (const std::string_view arg : args) cost += sizeof(arg) + arg.size();
  return cost;
}

void RequestQueue::Add(const CommandSpec* spec, Args args) {
  size_t size = 0;
  for (const std::string_view arg : args) size += arg.size();
  Copy copy{std::make_unique<char[]>(size), {}};
  copy.args.reserve(args.size());
  char* end = copy.bytes.get();
  for (const std::string_view arg : args) {
    copy.args.emplace_back(end, arg.size());
    end += arg.copy(end, arg.size());
  }
  bytes_ += CostOf(args);
  copies_.push_back(std::move(copy));
  requests_.push_back({spec, copies_.back().args});
}

}  // namespace kv
