#ifndef KVSERVER_MEMORY_USE_H_
#define KVSERVER_MEMORY_USE_H_

#include <cstddef>
#include <cstdint>

namespace kv {

// How much memory this process has asked for and not given back, as the allocator rounds it:
// everything that comes from operator new, and from CountedAlloc. A counter, because a walk through
// the allocator's lists takes it some 0.1 s per million keys. What libraries get from malloc
// themselves, and what the allocator keeps in reserve, is not in it. Any thread.
int64_t UsedMemory();

// As malloc and calloc, for what does not come from operator new. Null: there is no memory.
void* CountedAlloc(size_t bytes);
void* CountedZeroAlloc(size_t bytes);
void CountedFree(void* memory);

// Before all else: has the allocator do its work in small steps. By default glibc's lets small
// pieces that were freed pile up, and joins them all at the next large request: after a million
// keys were deleted, half a second in the middle of somebody's command.
void BoundAllocatorSteps();

}  // namespace kv

#endif  // KVSERVER_MEMORY_USE_H_
