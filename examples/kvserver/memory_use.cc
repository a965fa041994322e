#include "kvserver/memory_use.h"

#include <malloc.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <new>

namespace kv {
namespace {

// Threads that come late share the last counter; the others have one each, which costs them no
// locked instruction.
constexpr size_t kCounters = 16;
constexpr size_t kCacheLine = 64;
struct alignas(kCacheLine) Counter {
  std::atomic<int64_t> bytes = 0;
};
constinit std::array<Counter, kCounters> counters;
constinit std::atomic<size_t> threads = 0;
constinit thread_local Counter* own = nullptr;

void Count(int64_t bytes) {
  if (own == nullptr) own = &counters[std::min(threads.fetch_add(1), kCounters - 1)];
  if (own == &counters.back()) {
    own->bytes.fetch_add(bytes, std::memory_order_relaxed);
  } else {
    own->bytes.store(own->bytes.load(std::memory_order_relaxed) + bytes, std::memory_order_relaxed);
  }
}

void* Counted(void* memory) {
  if (memory != nullptr) Count(static_cast<int64_t>(malloc_usable_size(memory)));
  return memory;
}

}  // namespace

int64_t UsedMemory() {
  int64_t sum = 0;
  for (const Counter& counter : counters) sum += counter.bytes.load(std::memory_order_relaxed);
  return sum;
}

void* CountedAlloc(size_t bytes) { return Counted(std::malloc(std::max<size_t>(bytes, 1))); }

void* CountedZeroAlloc(size_t bytes) { return Counted(std::calloc(1, bytes)); }

void CountedFree(void* memory) {
  if (memory == nullptr) return;
  Count(-static_cast<int64_t>(malloc_usable_size(memory)));
  std::free(memory);
}

void BoundAllocatorSteps() { mallopt(M_MXFAST, 0); }

}  // namespace kv

// Replaces the library's, which the forms for arrays go through; those for special alignments go
// their own way. Sanitizers bring all forms, so none that meets one of these may be left to them.
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return kv::CountedAlloc(bytes);
}
void* operator new(std::size_t bytes) {
  void* memory = kv::CountedAlloc(bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept { kv::CountedFree(memory); }
void operator delete(void* memory, std::size_t) noexcept { kv::CountedFree(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { kv::CountedFree(memory); }
