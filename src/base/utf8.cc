#include "base/utf8.h"

#include <cstddef>
#include <cstdint>

namespace clusterkit {

bool IsUtf8(std::string_view text) {
  struct Form {
    uint8_t mask, lead;
    size_t more;     // Bytes that follow.
    uint32_t least;  // Smaller ones have a shorter form.
  };
  static constexpr Form kForms[] = {
      {0x80, 0x00, 0, 0}, {0xe0, 0xc0, 1, 0x80}, {0xf0, 0xe0, 2, 0x800}, {0xf8, 0xf0, 3, 0x10000}};
  while (!text.empty()) {
    const auto lead = static_cast<uint8_t>(text[0]);
    const Form* form = nullptr;
    for (const Form& candidate : kForms) {
      if ((lead & candidate.mask) == candidate.lead) form = &candidate;
    }
    if (form == nullptr || text.size() <= form->more) return false;
    uint32_t code = lead & static_cast<uint8_t>(~form->mask);
    for (size_t i = 1; i <= form->more; ++i) {
      const auto next = static_cast<uint8_t>(text[i]);
      if ((next & 0xc0) != 0x80) return false;
      code = code << 6 | (next & 0x3f);
    }
    if (code < form->least || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return false;
    text.remove_prefix(1 + form->more);
  }
  return true;
}

}  // namespace clusterkit
