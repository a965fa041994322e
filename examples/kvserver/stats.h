#ifndef KVSERVER_STATS_H_
#define KVSERVER_STATS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "kvserver/command_stats.h"

namespace kv {

// What INFO counts, and CONFIG RESETSTAT sets back. Data thread only.
struct Stats {
  uint64_t connections = 0;
  uint64_t rejected_connections = 0;
  uint64_t requests = 0;  // all that were answered, or are being so
  uint64_t commands = 0;  // that were executed, those of transactions too
  uint64_t errors = 0;    // error replies
  uint64_t input_bytes = 0;
  uint64_t output_bytes = 0;
  uint64_t keyspace_hits = 0;
  uint64_t keyspace_misses = 0;
  uint64_t full_syncs = 0;  // that replicas asked for, by need or in vain for less
  uint64_t partial_syncs = 0;
  uint64_t refused_partial_syncs = 0;
  uint64_t relayed_messages = 0;     // given to links to other nodes
  uint64_t dropped_messages = 0;     // that these could not take, or lost
  uint64_t commands_per_second = 0;  // sampled

  CommandStats calls;
  std::map<std::string, uint64_t, std::less<>> errors_by_code;

  // `reply` begins with the dash.
  void CountError(std::string_view reply) {
    constexpr size_t kMaxCode = 32;
    constexpr size_t kMaxCodes = 128;
    ++errors;
    const size_t end = reply.substr(0, kMaxCode).find(' ');
    const std::string_view code = end == std::string_view::npos ? "ERR" : reply.substr(1, end - 1);
    const auto found = errors_by_code.find(code);
    if (found != errors_by_code.end()) {
      ++found->second;
    } else if (errors_by_code.size() < kMaxCodes) {
      errors_by_code.emplace(code, 1);
    }
  }
};

}  // namespace kv

#endif  // KVSERVER_STATS_H_
