// The command line.

#ifndef CLUSTERKIT_EXAMPLES_CLUSTERKIT_TOP_ARGUMENTS_H_
#define CLUSTERKIT_EXAMPLES_CLUSTERKIT_TOP_ARGUMENTS_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace clusterkit_top {

inline constexpr std::string_view kUsage =
    "usage: clusterkit-top [options] [HOST:]PORT ...\n"
    "  the metrics-port of one or more nodes; with several, also where their views differ\n"
    "  --once          print one frame as plain text, and end: 0 if a node answered, 1 if none "
    "did\n"
    "  --no-color      also if NO_COLOR is set\n"
    "  --interval S    ask every so many seconds: 0.1 to 60, 1 unless set\n"
    "  --help\n";

struct Address {
  std::string host;
  int port = 0;
};

struct Arguments {
  std::vector<Address> addresses;
  bool once = false, color = true, help = false;
  absl::Duration interval = absl::Seconds(1);
};

// PORT, HOST:PORT or [HOST]:PORT.
absl::StatusOr<Address> ParseAddress(const std::string& text);
std::string Describe(const Address& address);

// InvalidArgument if there is no address, or something that is none.
absl::StatusOr<Arguments> ParseArguments(const std::vector<std::string>& words);

}  // namespace clusterkit_top

#endif  // CLUSTERKIT_EXAMPLES_CLUSTERKIT_TOP_ARGUMENTS_H_
