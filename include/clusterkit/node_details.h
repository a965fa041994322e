// What people and clients call a node, and what an operator attaches to it.
//
// The protocol does not act on it. It reaches every node, which shows it in its view.

#ifndef CLUSTERKIT_NODE_DETAILS_H_
#define CLUSTERKIT_NODE_DETAILS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "absl/status/status.h"

namespace clusterkit {

struct NodeDetails {
  static constexpr size_t kMaxHostnameBytes = 255;
  static constexpr size_t kMaxNameBytes = 128;
  static constexpr size_t kMaxPairs = 32;
  static constexpr size_t kMaxKeyBytes = 64;
  static constexpr size_t kMaxValueBytes = 512;
  static constexpr size_t kMaxMetadataBytes = 4096;  // Of all keys and values.

  // What clients may be redirected to instead of the address. Letters, digits, '-' and '.'.
  std::string hostname;
  // For people. Letters, digits, and - _ . / (Redis can read them in a state file).
  std::string name;
  // Keys: one byte or more, letters, digits, and - _ . / :
  // Values: UTF-8 without ASCII control characters.
  std::map<std::string, std::string> metadata;

  bool Empty() const { return hostname.empty() && name.empty() && metadata.empty(); }
  // Names the content; zero if and only if it is empty.
  uint64_t Digest() const;
  // InvalidArgument naming what is wrong.
  absl::Status Validate() const;
  friend bool operator==(const NodeDetails&, const NodeDetails&) = default;
};

}  // namespace clusterkit

#endif  // CLUSTERKIT_NODE_DETAILS_H_
