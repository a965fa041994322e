#ifndef KVSERVER_LZF_H_
#define KVSERVER_LZF_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace kv {

// Unpacks what LibLZF packed; Redis does so with long strings. False: the input is damaged, or
// does not yield exactly `size` bytes. A size that no such input can have allocates nothing.
bool LzfDecompress(std::string_view packed, size_t size, std::string* out);

}  // namespace kv

#endif  // KVSERVER_LZF_H_
