#ifndef KVSERVER_LISTPACK_H_
#define KVSERVER_LISTPACK_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"

namespace kv {

// Redis's packed form of a small list or hash: a header with size and count, and the elements,
// each followed by its own length.

// Visits each element; integers as their digits. False: malformed, and some may have been visited.
bool ReadListpack(std::string_view bytes, absl::FunctionRef<void(std::string_view)> visit);

class ListpackWriter {
 public:
  // Elements are written as strings, whatever they hold.
  void Append(std::string_view element);

  bool empty() const { return count_ == 0; }
  // Of the listpack as it is, and with one more element.
  size_t size() const;
  size_t SizeWith(std::string_view element) const;

  // The listpack; the writer begins with the next one.
  std::string Take();

 private:
  std::string entries_;
  size_t count_ = 0;
};

}  // namespace kv

#endif  // KVSERVER_LISTPACK_H_
