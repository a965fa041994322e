#include "file/nodes_conf_text.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/strings.h"

namespace clusterkit::file {
namespace {

constexpr size_t kMaxQuotedBytes = 40;

}  // namespace

std::string EscapeHost(std::string_view host) {
  if (host.size() > kMaxHostBytes) return "";
  std::string out;
  for (const char c : host) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                       c == '.' || c == ':' || c == '-' || c == '_';
    if (plain) {
      out += c;
    } else {
      out += absl::StrCat("%", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
    }
  }
  return out;
}

std::optional<std::string> UnescapeHost(std::string_view text) {
  std::string host;
  while (!text.empty() && host.size() <= kMaxHostBytes) {
    if (text[0] != '%') {
      host += text[0];
      text.remove_prefix(1);
      continue;
    }
    unsigned char byte = 0;
    const char* end = text.data() + 3;
    if (text.size() < 3 || std::from_chars(text.data() + 1, end, byte, 16).ptr != end) {
      return std::nullopt;
    }
    host += static_cast<char>(byte);
    text.remove_prefix(3);
  }
  if (host.size() > kMaxHostBytes) return std::nullopt;
  return host;
}

std::string Quote(std::string_view text) {
  const bool cut = text.size() > kMaxQuotedBytes;
  return absl::StrCat("'", absl::CHexEscape(Av(text.substr(0, kMaxQuotedBytes))),
                      cut ? "...'" : "'");
}

}  // namespace clusterkit::file
