#include "core/formats.h"

#include <cstddef>
#include <utility>

#include "base/check.h"
#include "clusterkit/file/nodes_conf.h"
#include "clusterkit/wire/protobuf_codec.h"

namespace clusterkit::fuzz {
namespace {

// The file shows a replica with its primary's config epoch; what it had of its own is nobody's
// concern.
NodeRecord Kept(NodeRecord node) {
  if (node.role == Role::kReplica) node.config_epoch = Epoch{};
  return node;
}

}  // namespace

absl::StatusOr<Frame> ThroughCodec(const Frame& frame) {
  const ProtobufCodec codec;
  return codec.Decode(codec.Encode(frame));
}

PersistentState ThroughFile(const PersistentState& state) {
  absl::StatusOr<PersistentState> read = ParseNodesConf(FormatNodesConf(state));
  CLUSTERKIT_CHECK(read.ok());
  CLUSTERKIT_CHECK(read->self == state.self && read->current_epoch == state.current_epoch);
  CLUSTERKIT_CHECK(read->ledger == state.ledger);
  CLUSTERKIT_CHECK(read->nodes.size() == state.nodes.size());
  for (size_t i = 0; i < state.nodes.size(); ++i) {
    CLUSTERKIT_CHECK(Kept(read->nodes[i]) == Kept(state.nodes[i]));
    const NodeId& id = state.nodes[i].id;
    CLUSTERKIT_CHECK(read->slots.SlotsOf(id) == state.slots.SlotsOf(id));
  }
  return *std::move(read);
}

}  // namespace clusterkit::fuzz
