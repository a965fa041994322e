#include "clusterkit/node_details.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "base/utf8.h"

namespace clusterkit {
namespace {

bool Consists(std::string_view text, std::string_view more) {
  return std::all_of(text.begin(), text.end(), [more](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || more.find(c) != more.npos;
  });
}

absl::Status CheckLength(std::string_view what, size_t bytes, size_t most) {
  if (bytes <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(Av(what), ": ", bytes, " bytes, must be at most ", most));
}

absl::Status CheckCharacters(std::string_view what, bool legible, std::string_view allowed) {
  if (legible) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(Av(what), ": has a character that is not allowed, must be ", Av(allowed)));
}

absl::Status CheckPair(const std::string& key, const std::string& value) {
  if (key.empty()) return absl::InvalidArgumentError("metadata: empty key");
  CLUSTERKIT_RETURN_IF_ERROR(CheckLength("metadata key", key.size(), NodeDetails::kMaxKeyBytes));
  CLUSTERKIT_RETURN_IF_ERROR(
      CheckCharacters("metadata key", Consists(key, "-_./:"), "letters, digits, and - _ . / :"));
  CLUSTERKIT_RETURN_IF_ERROR(
      CheckLength("metadata value", value.size(), NodeDetails::kMaxValueBytes));
  const bool controls = std::any_of(value.begin(), value.end(), [](char c) {
    return absl::ascii_iscntrl(static_cast<unsigned char>(c));
  });
  return CheckCharacters("metadata value", !controls && IsUtf8(value),
                         "UTF-8 without ASCII control characters");
}

// FNV-1a of the text and its length, so that texts cannot run into each other.
void Add(std::string_view text, uint64_t& digest) {
  const auto add = [&digest](uint64_t byte) { digest = (digest ^ byte) * 0x100000001b3; };
  for (const char c : text) add(static_cast<unsigned char>(c));
  add(0x100 + text.size());
}

}  // namespace

uint64_t NodeDetails::Digest() const {
  if (Empty()) return 0;
  uint64_t digest = 0xcbf29ce484222325;
  Add(hostname, digest);
  Add(name, digest);
  for (const auto& [key, value] : metadata) {
    Add(key, digest);
    Add(value, digest);
  }
  return digest != 0 ? digest : 1;
}

absl::Status NodeDetails::Validate() const {
  CLUSTERKIT_RETURN_IF_ERROR(CheckLength("hostname", hostname.size(), kMaxHostnameBytes));
  CLUSTERKIT_RETURN_IF_ERROR(
      CheckCharacters("hostname", Consists(hostname, "-."), "letters, digits, '-' and '.'"));
  CLUSTERKIT_RETURN_IF_ERROR(CheckLength("name", name.size(), kMaxNameBytes));
  CLUSTERKIT_RETURN_IF_ERROR(
      CheckCharacters("name", Consists(name, "-_./"), "letters, digits, and - _ . /"));
  if (metadata.size() > kMaxPairs) {
    return absl::InvalidArgumentError(
        absl::StrCat("metadata: ", metadata.size(), " pairs, must be at most ", kMaxPairs));
  }
  size_t bytes = 0;
  for (const auto& [key, value] : metadata) {
    CLUSTERKIT_RETURN_IF_ERROR(CheckPair(key, value));
    bytes += key.size() + value.size();
  }
  return CheckLength("metadata", bytes, kMaxMetadataBytes);
}

}  // namespace clusterkit
