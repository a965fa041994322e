#ifndef KVSERVER_ZIPLIST_H_
#define KVSERVER_ZIPLIST_H_

#include <string_view>

#include "absl/functional/function_ref.h"

namespace kv {

// Packed forms that are only read: kvserver writes newer or plainer ones. Each visits all
// elements, integers as their digits. False: malformed, and some may have been visited.

// A small list or hash, as Redis wrote it before 7.0.
bool ReadZiplist(std::string_view bytes, absl::FunctionRef<void(std::string_view)> visit);

// A set of integers, which is sorted.
bool ReadIntset(std::string_view bytes, absl::FunctionRef<void(std::string_view)> visit);

}  // namespace kv

#endif  // KVSERVER_ZIPLIST_H_
