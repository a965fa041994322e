// What writing and reading the state file share: limits, words, and texts of single fields.
// docs/state_file.md has the format.

#ifndef CLUSTERKIT_SRC_FILE_NODES_CONF_TEXT_H_
#define CLUSTERKIT_SRC_FILE_NODES_CONF_TEXT_H_

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace clusterkit::file {

// More than the largest cluster needs: Options::max_nodes is at most 65535.
inline constexpr size_t kMaxLines = 70000;
inline constexpr size_t kMaxFileBytes = size_t{64} << 20;
// As long as a DNS name may be. A longer one is no address and is written as unknown.
inline constexpr size_t kMaxHostBytes = 255;
// Redis copies the address column into a buffer of 46 bytes.
inline constexpr size_t kMaxAddressColumnHost = 45;

// Pairs of the vars line. Redis writes and reads the first two and skips the others.
inline constexpr std::string_view kCurrentEpoch = "currentEpoch";
inline constexpr std::string_view kLastVoteEpoch = "lastVoteEpoch";
inline constexpr std::string_view kHosts = "hosts";
inline constexpr std::string_view kMove = "move";
inline constexpr std::string_view kVoting = "voting";
inline constexpr std::string_view kVotesAlways = "always", kWitness = "witness";  // Its values.
inline constexpr std::string_view kLedgerFloor = "ledger-floor";
inline constexpr std::string_view kLedgerSettled = "ledger-settled";
inline constexpr std::string_view kLedger = "ledger";
inline constexpr std::string_view kChecksum = "checksum";

// Bytes with a meaning in the format, or unprintable ones, as %XX: a peer that chooses an odd host
// must not be able to make our own file unreadable.
std::string EscapeHost(std::string_view host);
// Empty if an escape is broken or the host is too long.
std::optional<std::string> UnescapeHost(std::string_view text);

// Decimal digits only, in range.
template <typename Unsigned>
std::optional<Unsigned> ParseNumber(std::string_view text) {
  Unsigned value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc() || stop != end) return std::nullopt;
  return value;
}

// For error messages: a short, printable part of what the file says.
std::string Quote(std::string_view text);

}  // namespace clusterkit::file

#endif  // CLUSTERKIT_SRC_FILE_NODES_CONF_TEXT_H_
