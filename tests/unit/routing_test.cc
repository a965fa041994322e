#include "clusterkit/routing.h"

#include <memory>
#include <utility>
#include <vector>

#include "support/catch.h"

namespace clusterkit {
namespace {

constexpr SlotId kMine{10};
constexpr SlotId kAlsoMine{11};
constexpr SlotId kTheirs{20};
constexpr SlotId kUnbound{30};
const Instant kNow{absl::Seconds(100)};

NodeId Id(uint8_t n) {
  NodeId id;
  id.bytes[0] = n;
  return id;
}

// Primaries 1 (slots 10, 11) and 2 (slot 20), replica 3 of primary 1; seen by `self`.
struct Scene {
  uint8_t self = 1;
  ClusterState state = ClusterState::kOk;
  bool data_missing = false;
  bool allow_reads_when_down = false;
  Health health_of_2 = Health::kOnline;
  Instant serve_until = kNow + absl::Milliseconds(1);
  OpenSlots open_slots;

  RouteDecision Ask(std::vector<SlotId> slots, bool write = false, bool readonly = false) const {
    RouteQuery query;
    query.slots = slots;
    query.write = write;
    query.readonly = readonly;
    return Decide(query);
  }

  RouteDecision Decide(const RouteQuery& query) const {
    ClusterView::Nodes nodes;
    for (uint8_t n : {1, 2, 3}) {
      NodeView node;
      node.id = Id(n);
      node.client = {"10.0.0." + std::to_string(n), 7000};
      if (n == 1) node.slot_count = 2;
      if (n == 2) node.health = health_of_2;
      if (n == 3) {
        node.role = Role::kReplica;
        node.primary = Id(1);
      }
      nodes.push_back(std::make_shared<const NodeView>(node));
    }
    auto map = std::make_shared<SlotMap>();
    map->Bind(SlotSet::Of({kMine, kAlsoMine}), Id(1));
    map->Bind(SlotSet::Of({kTheirs, kTheirs}), Id(2));
    auto lease = std::make_shared<ServeLease>();
    lease->Extend(serve_until);
    const ClusterView view(
        1, Id(self), std::move(nodes), std::move(map),
        {state, state == ClusterState::kOk ? DownReason::kNone : DownReason::kMinority,
         data_missing, allow_reads_when_down, std::move(lease),
         std::make_shared<const OpenSlots>(open_slots)});
    return Route(view, query, kNow);
  }
};

RouteDecision Down(ClusterDown::Why why, SlotId slot) { return ClusterDown{why, slot}; }
RouteDecision MovedTo(uint8_t n, SlotId slot) {
  return Moved{slot, Id(n), {"10.0.0." + std::to_string(n), 7000}};
}

TEST_CASE("a command without keys is served in every state") {
  Scene scene;
  REQUIRE(scene.Ask({}) == RouteDecision(Serve{}));
  scene.state = ClusterState::kFail;
  scene.data_missing = true;
  scene.serve_until = Instant::InfinitePast();
  REQUIRE(scene.Ask({}, true) == RouteDecision(Serve{}));
}

TEST_CASE("the owner of a slot serves it, also for several keys of the slot") {
  REQUIRE(Scene().Ask({kMine}, true) == RouteDecision(Serve{}));
  REQUIRE(Scene().Ask({kMine, kMine, kMine}) == RouteDecision(Serve{}));
}

TEST_CASE("another node's slot is redirected to the owner's client address") {
  REQUIRE(Scene().Ask({kTheirs}) == MovedTo(2, kTheirs));
}

TEST_CASE("keys of more than one slot are refused, even if all are ours") {
  REQUIRE(Scene().Ask({kMine, kAlsoMine}) == RouteDecision(CrossSlot{}));
  REQUIRE(Scene().Ask({kMine, kMine, kTheirs}) == RouteDecision(CrossSlot{}));
}

TEST_CASE("an unbound slot of the first key is reported before keys across slots") {
  REQUIRE(Scene().Ask({kUnbound, kMine}) == Down(ClusterDown::Why::kSlotUnbound, kUnbound));
  REQUIRE(Scene().Ask({kMine, kUnbound}) == RouteDecision(CrossSlot{}));
}

TEST_CASE("keys across slots and unbound slots are reported before the cluster state") {
  Scene scene;
  scene.state = ClusterState::kFail;
  REQUIRE(scene.Ask({kMine, kTheirs}) == RouteDecision(CrossSlot{}));
  REQUIRE(scene.Ask({kUnbound}) == Down(ClusterDown::Why::kSlotUnbound, kUnbound));
}

TEST_CASE("in state fail nothing is served or redirected") {
  Scene scene;
  scene.state = ClusterState::kFail;
  REQUIRE(scene.Ask({kMine}) == Down(ClusterDown::Why::kState, kMine));
  REQUIRE(scene.Ask({kTheirs}) == Down(ClusterDown::Why::kState, kTheirs));
  scene.self = 3;
  REQUIRE(scene.Ask({kMine}, false, true) == Down(ClusterDown::Why::kState, kMine));
}

TEST_CASE("in state fail with reads allowed, reads go on and writes are refused") {
  Scene scene;
  scene.state = ClusterState::kFail;
  scene.allow_reads_when_down = true;
  REQUIRE(scene.Ask({kMine}) == RouteDecision(Serve{}));
  REQUIRE(scene.Ask({kTheirs}) == MovedTo(2, kTheirs));
  REQUIRE(scene.Ask({kMine}, true) == Down(ClusterDown::Why::kWritesRefused, kMine));
  REQUIRE(scene.Ask({kTheirs}, true) == Down(ClusterDown::Why::kWritesRefused, kTheirs));
}

TEST_CASE("reads allowed in state fail do not need the lease that lapsed with the majority") {
  Scene scene;
  scene.state = ClusterState::kFail;
  scene.allow_reads_when_down = true;
  scene.serve_until = kNow - absl::Seconds(60);
  REQUIRE(scene.Ask({kMine}) == RouteDecision(Serve{}));
  scene.state = ClusterState::kOk;
  REQUIRE(scene.Ask({kMine}) == Down(ClusterDown::Why::kLeaseLapsed, kMine));
}

TEST_CASE("own slots are refused from the very moment the lease ends") {
  Scene scene;
  scene.serve_until = kNow;
  REQUIRE(scene.Ask({kMine}) == Down(ClusterDown::Why::kLeaseLapsed, kMine));
  REQUIRE(scene.Ask({kTheirs}) == MovedTo(2, kTheirs));
  scene.serve_until = kNow + absl::Nanoseconds(1);
  REQUIRE(scene.Ask({kMine}) == RouteDecision(Serve{}));
}

TEST_CASE("own slots without their data are refused, and that is the reason given") {
  Scene scene;
  scene.data_missing = true;
  scene.serve_until = Instant::InfinitePast();
  REQUIRE(scene.Ask({kMine}) == Down(ClusterDown::Why::kDataMissing, kMine));
  REQUIRE(scene.Ask({kTheirs}) == MovedTo(2, kTheirs));
  scene.state = ClusterState::kFail;
  scene.allow_reads_when_down = true;
  REQUIRE(scene.Ask({kMine}) == Down(ClusterDown::Why::kDataMissing, kMine));
}

TEST_CASE("a replica serves stale reads of its primary's slots to who asks for them") {
  Scene scene;
  scene.self = 3;
  scene.serve_until = Instant::InfinitePast();
  REQUIRE(scene.Ask({kMine}, false, true) == RouteDecision(Serve{}));
  REQUIRE(scene.Ask({kMine}, false, false) == MovedTo(1, kMine));
  REQUIRE(scene.Ask({kMine}, true, true) == MovedTo(1, kMine));
  REQUIRE(scene.Ask({kTheirs}, false, true) == MovedTo(2, kTheirs));
}

TEST_CASE("without full coverage a failed owner's slot is still redirected to it") {
  Scene scene;
  scene.health_of_2 = Health::kFail;
  REQUIRE(scene.Ask({kTheirs}) == MovedTo(2, kTheirs));
}

// What a request finds at an open slot.
struct OpenScene : Scene {
  OpenScene(SlotId slot, SlotMigration direction) {
    open_slots.Open(SlotSet::Of({slot, slot}), {direction, Id(2)});
    slots = {slot};
    query.slots = slots;
  }
  OpenScene& Keys(bool some_present, bool some_missing, bool several = false) {
    query.keys = {some_present, some_missing, several};
    return *this;
  }
  RouteDecision Decide() const { return Scene::Decide(query); }

  std::vector<SlotId> slots;
  RouteQuery query;
};

const RouteDecision kServe = Serve{};

TEST_CASE("the source of an open slot serves what it holds and sends the client on for the rest") {
  OpenScene scene(kMine, SlotMigration::kExporting);
  REQUIRE(scene.Keys(true, false).Decide() == kServe);
  REQUIRE(scene.Keys(true, false, true).Decide() == kServe);
  const RouteDecision ask = clusterkit::Ask{kMine, Id(2), {"10.0.0.2", 7000}};
  REQUIRE(scene.Keys(false, true).Decide() == ask);
  REQUIRE(scene.Keys(false, true, true).Decide() == ask);
  REQUIRE(scene.Keys(true, true, true).Decide() == RouteDecision(TryAgain{kMine}));
  scene.query.write = true;
  REQUIRE(scene.Keys(false, true).Decide() == ask);
  scene.query.migrates = true;
  REQUIRE(scene.Decide() == kServe);
  // Other slots are as ever.
  REQUIRE(scene.Ask({kAlsoMine}) == kServe);
}

TEST_CASE("a source that may not serve sends nobody on") {
  OpenScene scene(kMine, SlotMigration::kExporting);
  scene.serve_until = kNow;
  REQUIRE(scene.Keys(false, true).Decide() == Down(ClusterDown::Why::kLeaseLapsed, kMine));
  scene.data_missing = true;
  REQUIRE(scene.Decide() == Down(ClusterDown::Why::kDataMissing, kMine));
}

TEST_CASE("the target of an open slot serves only those who were sent") {
  OpenScene scene(kTheirs, SlotMigration::kImporting);
  REQUIRE(scene.Keys(true, false).Decide() == MovedTo(2, kTheirs));
  scene.query.asking = true;
  REQUIRE(scene.Decide() == kServe);
  REQUIRE(scene.Keys(false, true).Decide() == kServe);
  REQUIRE(scene.Keys(false, true, true).Decide() == RouteDecision(TryAgain{kTheirs}));
  REQUIRE(scene.Keys(true, false, true).Decide() == kServe);
  scene.query.asking = false;
  scene.query.migrates = true;
  REQUIRE(scene.Keys(false, true, true).Decide() == kServe);
}

TEST_CASE("a target without the lease of its own slots accepts nothing for others") {
  OpenScene scene(kTheirs, SlotMigration::kImporting);
  scene.query.asking = true;
  scene.serve_until = kNow;
  REQUIRE(scene.Decide() == Down(ClusterDown::Why::kLeaseLapsed, kTheirs));
}

TEST_CASE("while the cluster is down an open slot is no way around it") {
  OpenScene scene(kTheirs, SlotMigration::kImporting);
  scene.query.asking = true;
  scene.state = ClusterState::kFail;
  REQUIRE(scene.Decide() == Down(ClusterDown::Why::kState, kTheirs));
}

TEST_CASE("what was executed may be acknowledged only before the lease ends") {
  auto lease = std::make_shared<ServeLease>();
  lease->Extend(kNow);
  NodeView self;
  self.id = Id(1);
  const ClusterView view(1, Id(1), {std::make_shared<const NodeView>(self)},
                         std::make_shared<const SlotMap>(),
                         {ClusterState::kOk, DownReason::kNone, false, false, lease, nullptr});
  REQUIRE(MayAcknowledge(view, kNow - absl::Nanoseconds(1)));
  REQUIRE_FALSE(MayAcknowledge(view, kNow));
  lease->Revoke();
  REQUIRE_FALSE(MayAcknowledge(view, kNow - absl::Nanoseconds(1)));
}

}  // namespace
}  // namespace clusterkit
