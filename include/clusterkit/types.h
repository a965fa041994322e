// Vocabulary of the library: identities, epochs, roles, addresses.
//
// Everything here is a plain value: copyable, comparable, printable through ToHex() or
// describe.h, and safe to use from any thread.

#ifndef CLUSTERKIT_TYPES_H_
#define CLUSTERKIT_TYPES_H_

#include <array>
#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "clusterkit/random.h"

namespace clusterkit {

namespace internal {
std::string BytesToHex(const uint8_t* bytes, size_t size);
absl::Status HexToBytes(std::string_view hex, std::string_view what, uint8_t* bytes, size_t size);
}  // namespace internal

// 160 random bits drawn once and kept for life. Written as 40 lowercase hex digits.
// The order is bytewise, which is also the order of the hex text.
template <typename Tag>
class RandomId {
 public:
  static constexpr size_t kSize = 20;

  // InvalidArgument, naming the kind of id and the text, unless `hex` is 40 hex digits.
  static absl::StatusOr<RandomId> FromHex(std::string_view hex) {
    RandomId id;
    absl::Status status = internal::HexToBytes(hex, Tag::kName, id.bytes.data(), kSize);
    if (!status.ok()) return status;
    return id;
  }
  static RandomId Random(Rng& rng) {
    RandomId id;
    for (uint8_t& byte : id.bytes) byte = static_cast<uint8_t>(rng.Below(256));
    return id;
  }

  std::string ToHex() const { return internal::BytesToHex(bytes.data(), kSize); }
  bool IsZero() const { return *this == RandomId(); }

  friend std::strong_ordering operator<=>(const RandomId& a, const RandomId& b) {
    // Ids are mostly compared to look something up, and mostly differ in their first bytes.
    if (a.Word(0) != b.Word(0)) return a.Word(0) <=> b.Word(0);
    if (a.Word(8) != b.Word(8)) return a.Word(8) <=> b.Word(8);
    return a.Word(kSize - 8) <=> b.Word(kSize - 8);
  }
  friend bool operator==(const RandomId& a, const RandomId& b) {
    return std::memcmp(a.bytes.data(), b.bytes.data(), kSize) == 0;
  }

  std::array<uint8_t, kSize> bytes{};

 private:
  // Eight bytes as a number of the same order.
  uint64_t Word(size_t at) const {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, sizeof(word));
    return std::endian::native == std::endian::little ? __builtin_bswap64(word) : word;
  }
};

struct NodeIdTag {
  static constexpr std::string_view kName = "node id";
};
struct ShardIdTag {
  static constexpr std::string_view kName = "shard id";
};

// Names one node. Breaks ties between equal epochs and equal replication progress.
// Spec: "Cluster node attributes".
using NodeId = RandomId<NodeIdTag>;

// Names one shard: a primary with its replicas. Drawn with the node, adopted from the primary
// when a node becomes its replica, kept through promotion.
using ShardId = RandomId<ShardIdTag>;

// Options::replica_priority, unless it is set.
inline constexpr int kUsualReplicaPriority = 100;
inline constexpr int kLowestReplicaPriority = 1000000;

// A logical time of the cluster. Used as current epoch (greatest seen), config epoch (version of
// a shard's slot claim) and election epoch. Spec: "Current epoch", "Config epoch".
struct Epoch {
  uint64_t value = 0;
  friend auto operator<=>(const Epoch&, const Epoch&) = default;
};

enum class Role : uint8_t { kPrimary, kReplica };

// Whose word counts for quorums, failure reports and votes.
enum class Voting : uint8_t {
  kWithSlots,  // A primary, while it owns slots.
  kAlways,     // This node, also as a replica.
  kWitness,    // This node, which never owns slots and follows nobody.
};

// kPfail is this node's own suspicion, kFail the agreement of a majority of voters.
// Spec: "Failure detection".
enum class Health : uint8_t { kOnline, kPfail, kFail };

enum class ClusterState : uint8_t { kOk, kFail };

// One connection in either direction. Issued by the core, never reused within a process.
enum class LinkId : uint64_t {};

// How a link ended.
enum class LinkDownCause : uint8_t {
  kRefused,   // The address answered that nobody listens.
  kReset,     // The peer closed or reset an established link.
  kTimeout,   // No answer to the dial, or the transport gave up waiting.
  kOverflow,  // Our send queue exceeded its limit.
  kLocal,     // Closed from this side, or a local error.
};

// Host is a literal address or a name, as the transport understands it; empty means unknown.
struct Endpoint {
  std::string host;
  uint16_t port = 0;
  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

// How far a node's data has come. Ordered by history first: an offset only counts within the
// history it belongs to.
struct Progress {
  // Election epoch of the primary that began this history; zero if it was never elected.
  Epoch history;
  // Position in that history, in the host's own unit. Grows.
  uint64_t offset = 0;
  // The node holds a complete copy up to `offset`. A replica that never finished its first
  // synchronisation with this shard is not synced; an empty but complete one is.
  bool synced = false;
  friend bool operator==(const Progress&, const Progress&) = default;

  // Compares how fresh two synced copies are.
  static std::strong_ordering Compare(const Progress& a, const Progress& b) {
    if (auto order = a.history <=> b.history; order != 0) return order;
    return a.offset <=> b.offset;
  }
};

}  // namespace clusterkit

#endif  // CLUSTERKIT_TYPES_H_
