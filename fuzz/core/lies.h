// What a liar says, made from bytes.

#ifndef CLUSTERKIT_FUZZ_CORE_LIES_H_
#define CLUSTERKIT_FUZZ_CORE_LIES_H_

#include <optional>

#include "clusterkit/message.h"
#include "core/bytes.h"
#include "core/world.h"

namespace clusterkit::fuzz {

// Draws values that are likely to mean something to a node: ids that it knows, epochs near its own,
// the slots of its peers, and the extremes of each. All of them get through the codec, apart from
// what it refuses on purpose.
class Liar {
 public:
  // `node`: to whom it speaks, which must run.
  Liar(const World& world, size_t node, Bytes& bytes)
      : world_(world), view_(world.ViewOf(node)), now_(world.LocalNow(node)), bytes_(bytes) {}

  NodeId Node();
  Epoch AnyEpoch();
  SlotSet Slots();
  Endpoint Address();
  // `said`: who it said it was, if it has said anything.
  Frame Say(const std::optional<NodeId>& said);

 private:
  ShardId Shard();
  absl::Duration Length() { return absl::Milliseconds(25 * bytes_.Next()); }
  bool Flip() { return (bytes_.Next() & 1) != 0; }
  Progress AnyProgress();
  Header HeaderOf(const NodeId& sender);
  Hello SayHello(const NodeId& sender);
  Heartbeat SayHeartbeat();
  MessageBody Body();

  const World& world_;
  const ClusterView& view_;
  const Instant now_;
  Bytes& bytes_;
};

}  // namespace clusterkit::fuzz

#endif  // CLUSTERKIT_FUZZ_CORE_LIES_H_
