#include "wire/allocation_meter.h"

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<ptrdiff_t> live{0};
std::atomic<ptrdiff_t> most{0};

void* Allocate(size_t size) {
  void* block = std::malloc(size);
  if (block == nullptr) throw std::bad_alloc();
  const ptrdiff_t now = live += static_cast<ptrdiff_t>(malloc_usable_size(block));
  if (now > most) most = now;
  return block;
}

void Free(void* block) {
  if (block == nullptr) return;
  live -= static_cast<ptrdiff_t>(malloc_usable_size(block));
  std::free(block);
}

}  // namespace

void* operator new(size_t size) { return Allocate(size); }
void* operator new[](size_t size) { return Allocate(size); }
void* operator new(size_t size, const std::nothrow_t&) noexcept { return Allocate(size); }
void* operator new[](size_t size, const std::nothrow_t&) noexcept { return Allocate(size); }
void operator delete(void* block) noexcept { Free(block); }
void operator delete[](void* block) noexcept { Free(block); }
void operator delete(void* block, size_t) noexcept { Free(block); }
void operator delete[](void* block, size_t) noexcept { Free(block); }

namespace clusterkit::testing {

AllocationMeter::AllocationMeter() : start_(live) { most = start_; }
size_t AllocationMeter::held() const {
  return static_cast<size_t>(std::max<ptrdiff_t>(live - start_, 0));
}
size_t AllocationMeter::peak() const { return static_cast<size_t>(most - start_); }

}  // namespace clusterkit::testing
