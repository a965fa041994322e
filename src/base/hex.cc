#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "clusterkit/types.h"

namespace clusterkit::internal {
namespace {

// The text may come from a damaged file or a peer; a message must stay readable.
constexpr size_t kMaxQuotedBytes = 64;

int DigitValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string BytesToHex(const uint8_t* bytes, size_t size) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex(size * 2, '0');
  for (size_t i = 0; i < size; ++i) {
    hex[2 * i] = kDigits[bytes[i] >> 4];
    hex[2 * i + 1] = kDigits[bytes[i] & 15];
  }
  return hex;
}

absl::Status HexToBytes(std::string_view hex, std::string_view what, uint8_t* bytes, size_t size) {
  const bool valid = hex.size() == size * 2 &&
                     std::all_of(hex.begin(), hex.end(), [](char c) { return DigitValue(c) >= 0; });
  if (!valid) {
    const bool cut = hex.size() > kMaxQuotedBytes;
    return absl::InvalidArgumentError(
        absl::StrCat(Av(what), ": \"", absl::CHexEscape(Av(hex.substr(0, kMaxQuotedBytes))),
                     cut ? "\"..." : "\"", " is not ", size * 2, " hex digits"));
  }
  for (size_t i = 0; i < size; ++i) {
    bytes[i] = static_cast<uint8_t>(DigitValue(hex[2 * i]) << 4 | DigitValue(hex[2 * i + 1]));
  }
  return absl::OkStatus();
}

}  // namespace clusterkit::internal
