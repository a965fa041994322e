#include "kvserver/lzf.h"

namespace kv {
namespace {

constexpr size_t kMinRepeat = 3;
constexpr size_t kLongRepeat = 7;  // in the control byte: one more byte of length follows
// A repetition takes two bytes, or three for the longest, of 264.
constexpr size_t kMaxExpansion = 264 / 3;

}  // namespace

// A control byte below 32 announces so many literal bytes and one more; any other a repetition of
// bytes that came before: 3 bits of length, 13 bits of distance.
bool LzfDecompress(std::string_view packed, size_t size, std::string* out) {
  out->clear();
  if (size / kMaxExpansion > packed.size()) return false;
  out->reserve(size);
  size_t at = 0;
  const auto next = [&] { return static_cast<unsigned char>(packed[at++]); };
  while (at < packed.size()) {
    const size_t control = next();
    if (control < 32) {
      const size_t literals = control + 1;
      if (literals > packed.size() - at || literals > size - out->size()) return false;
      out->append(packed, at, literals);
      at += literals;
      continue;
    }
    size_t length = control >> 5;
    if (packed.size() - at < (length == kLongRepeat ? 2u : 1u)) return false;
    if (length == kLongRepeat) length += next();
    length += kMinRepeat - 1;
    const size_t distance = ((control & 31) << 8 | next()) + 1;
    if (distance > out->size() || length > size - out->size()) return false;
    // Byte by byte: the repetition may reach into itself.
    for (size_t from = out->size() - distance; length > 0; --length) out->push_back((*out)[from++]);
  }
  return out->size() == size;
}

}  // namespace kv
