#include "clusterkit_top/arguments.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace clusterkit_top {
namespace {

// A thread asks each.
constexpr size_t kMostAddresses = 64;
constexpr double kShortest = 0.1, kLongest = 60;

}  // namespace

absl::StatusOr<Address> ParseAddress(const std::string& text) {
  const auto bad = [&text] {
    return absl::InvalidArgumentError(absl::StrCat("'", text, "' is not [HOST:]PORT"));
  };
  const size_t colon = text.rfind(':');
  Address address{"127.0.0.1", 0};
  if (colon != std::string::npos) {
    address.host = text.substr(0, colon);
    const bool bracketed =
        address.host.size() > 2 && address.host.front() == '[' && address.host.back() == ']';
    if (bracketed) address.host = address.host.substr(1, address.host.size() - 2);
    const char* const foreign = bracketed ? "[]/" : "[]/:";
    if (address.host.empty() || address.host.find_first_of(foreign) != std::string::npos) {
      return bad();
    }
  }
  const std::string port = colon == std::string::npos ? text : text.substr(colon + 1);
  if (!absl::SimpleAtoi(port, &address.port) || address.port < 1 || address.port > 65535) {
    return bad();
  }
  return address;
}

std::string Describe(const Address& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  return absl::StrCat(v6 ? "[" : "", address.host, v6 ? "]:" : ":", address.port);
}

absl::StatusOr<Arguments> ParseArguments(const std::vector<std::string>& words) {
  Arguments arguments;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--once") {
      arguments.once = true;
    } else if (word == "--no-color") {
      arguments.color = false;
    } else if (word == "--help") {
      arguments.help = true;
    } else if (word == "--interval") {
      double seconds = 0;
      if (++i == words.size() || !absl::SimpleAtod(words[i], &seconds) ||
          !(seconds >= kShortest && seconds <= kLongest)) {
        return absl::InvalidArgumentError("--interval needs a number of seconds: 0.1 to 60");
      }
      arguments.interval = absl::Seconds(seconds);
    } else if (absl::StartsWith(word, "-")) {
      return absl::InvalidArgumentError(absl::StrCat("unknown option ", word));
    } else {
      absl::StatusOr<Address> address = ParseAddress(word);
      if (!address.ok()) return address.status();
      arguments.addresses.push_back(*std::move(address));
    }
  }
  if (arguments.addresses.empty() && !arguments.help) {
    return absl::InvalidArgumentError("no address: give the metrics-port of a node");
  }
  if (arguments.addresses.size() > kMostAddresses) {
    return absl::InvalidArgumentError(absl::StrCat("more than ", kMostAddresses, " addresses"));
  }
  return arguments;
}

}  // namespace clusterkit_top
