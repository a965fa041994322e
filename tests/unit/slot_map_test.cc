#include "clusterkit/slot_map.h"

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include "support/catch.h"

namespace clusterkit {
namespace {

NodeId Id(uint8_t n) {
  NodeId id;
  id.bytes[0] = n;
  return id;
}

const NodeId kX = Id(1);
const NodeId kY = Id(2);
const NodeId kZ = Id(3);

SlotSet Slots(int first, int last) {
  return SlotSet::Of({{static_cast<uint16_t>(first)}, {static_cast<uint16_t>(last)}});
}

SlotId S(int slot) { return SlotId{static_cast<uint16_t>(slot)}; }

using Epochs = std::map<NodeId, Epoch>;

// The map with the epochs it is asked about, as a node holds them.
struct Table {
  SlotMap map;
  Epochs epochs;

  Epoch Of(const NodeId& id) const {
    const auto at = epochs.find(id);
    return at == epochs.end() ? Epoch{} : at->second;
  }
  std::vector<SlotRebind> Claim(const NodeId& owner, uint64_t epoch, const SlotSet& slots,
                                const SlotSet& keep = {}) {
    auto changes = map.ApplyClaim(
        {owner, {epoch}, slots}, [this](const NodeId& id) { return Of(id); }, keep);
    epochs[owner] = {epoch};
    return changes;
  }
  std::optional<NodeId> Newer(const NodeId& owner, uint64_t epoch, const SlotSet& slots) const {
    return map.NewerOwner({owner, {epoch}, slots}, [this](const NodeId& id) { return Of(id); });
  }
};

TEST_CASE("slots that are bound but disclaimed go to any claim, or back to their owner's") {
  SlotMap map;
  const auto epoch_of = [](const NodeId&) { return Epoch{9}; };
  const SlotSet low = SlotSet::Of({SlotId{0}, SlotId{9}});
  map.Bind(low, kX);
  SlotSet more = low;
  more.Add(SlotId{50});  // Unbound: there is nobody to disclaim it.
  map.Disclaim(more);
  CHECK(map.unclaimed() == low);
  CHECK(map.CountOf(kX) == 10);

  const SlotClaim taken{kY, Epoch{1}, SlotSet::Of({SlotId{3}, SlotId{4}})};
  CHECK(map.ApplyClaim(taken, epoch_of).size() == 2);
  const SlotClaim kept{kX, Epoch{9}, SlotSet::Of({SlotId{5}, SlotId{9}})};
  CHECK_FALSE(map.HoldsExactly(kX, kept.slots));
  CHECK(map.ApplyClaim(kept, epoch_of).empty());
  CHECK(map.unclaimed() == SlotSet::Of({SlotId{0}, SlotId{2}}));
}

TEST_CASE("a fresh map owns nothing") {
  const SlotMap map;
  REQUIRE(map.OwnerOf(S(0)) == nullptr);
  REQUIRE(map.AssignedCount() == 0);
  REQUIRE(map.Owners().empty());
  REQUIRE(map.SlotsOf(kX).Empty());
  REQUIRE(map.CountOf(kX) == 0);
  REQUIRE(map == SlotMap());
}

TEST_CASE("a claim binds unbound slots and reports each in slot order") {
  Table table;
  const auto changes = table.Claim(kX, 1, Slots(100, 102));
  REQUIRE(changes == std::vector<SlotRebind>{{S(100), std::nullopt, kX},
                                             {S(101), std::nullopt, kX},
                                             {S(102), std::nullopt, kX}});
  REQUIRE(*table.map.OwnerOf(S(101)) == kX);
  REQUIRE(table.map.CountOf(kX) == 3);
  REQUIRE(table.map.AssignedCount() == 3);
}

TEST_CASE("the claim matrix recorded on Redis holds") {
  // Given slot 100 is bound to X, epoch 5.
  Table table;
  const SlotSet slot = Slots(100, 100);
  table.Claim(kX, 5, slot);

  // A smaller epoch changes nothing and earns an UPDATE about X.
  REQUIRE(table.Claim(kY, 3, slot).empty());
  REQUIRE(table.Newer(kY, 3, slot) == kX);
  // An equal epoch changes nothing and earns none.
  REQUIRE(table.Claim(kY, 5, slot).empty());
  REQUIRE_FALSE(table.Newer(kY, 5, slot));

  // X stops claiming: still X's, but anybody may take it.
  REQUIRE(table.Claim(kX, 5, {}).empty());
  REQUIRE(*table.map.OwnerOf(S(100)) == kX);
  REQUIRE(table.map.unclaimed() == slot);
  REQUIRE_FALSE(table.Newer(kY, 3, slot));
  REQUIRE(table.Claim(kY, 3, slot) == std::vector<SlotRebind>{{S(100), kX, kY}});
  REQUIRE(table.map.unclaimed().Empty());

  // Now Y's, at 3: Z fails with 2, Y raises to 9, and 12 takes it from Y.
  REQUIRE(table.Claim(kZ, 2, slot).empty());
  REQUIRE(table.Newer(kZ, 2, slot) == kY);
  REQUIRE(table.Claim(kY, 9, slot).empty());
  REQUIRE(table.Claim(kZ, 12, slot) == std::vector<SlotRebind>{{S(100), kY, kZ}});
}

TEST_CASE("an owner that claims a slot again keeps it") {
  Table table;
  table.Claim(kX, 5, Slots(0, 99));
  table.Claim(kX, 5, Slots(0, 49));
  REQUIRE(table.map.unclaimed() == Slots(50, 99));
  REQUIRE(table.Claim(kX, 5, Slots(0, 99)).empty());
  REQUIRE(table.map.unclaimed().Empty());
  REQUIRE(table.Claim(kY, 5, Slots(0, 99)).empty());
}

TEST_CASE("a claim of exactly what its owner holds is known before it is applied") {
  Table t;
  CHECK(t.map.HoldsExactly(kX, {}));
  CHECK_FALSE(t.map.HoldsExactly(kX, Slots(0, 9)));
  t.Claim(kX, 1, Slots(0, 9));
  CHECK(t.map.HoldsExactly(kX, Slots(0, 9)));
  CHECK_FALSE(t.map.HoldsExactly(kX, Slots(0, 8)));
  CHECK_FALSE(t.map.HoldsExactly(kX, Slots(0, 10)));
  CHECK_FALSE(t.map.HoldsExactly(kX, {}));
  CHECK_FALSE(t.map.HoldsExactly(kY, Slots(0, 9)));
  // What it has ceased to claim, it would claim anew.
  t.Claim(kX, 1, Slots(0, 8));
  CHECK_FALSE(t.map.HoldsExactly(kX, Slots(0, 9)));
  CHECK_FALSE(t.map.HoldsExactly(kX, Slots(0, 8)));
}

TEST_CASE("slots that are kept are never taken") {
  // An importing node must finish by its own command, whatever the source's successor claims.
  Table table;
  table.Claim(kX, 1, Slots(0, 9));
  const auto changes = table.Claim(kY, 2, Slots(0, 19), Slots(5, 14));
  REQUIRE(changes.size() == 10);
  REQUIRE(table.map.SlotsOf(kX) == Slots(5, 9));
  REQUIRE(table.map.OwnerOf(S(12)) == nullptr);
  REQUIRE(*table.map.OwnerOf(S(15)) == kY);
}

TEST_CASE("the newer owner is that of the lowest slot which has one") {
  Table table;
  table.Claim(kX, 9, Slots(200, 210));
  table.Claim(kZ, 8, Slots(100, 110));
  REQUIRE(table.Newer(kY, 1, Slots(0, 300)) == kZ);
  REQUIRE(table.Newer(kY, 8, Slots(0, 300)) == kX);
  REQUIRE_FALSE(table.Newer(kY, 9, Slots(0, 300)));
  REQUIRE_FALSE(table.Newer(kZ, 1, Slots(100, 110)));
}

TEST_CASE("claims lead to the same owners in whatever order they are heard") {
  struct Heard {
    NodeId owner;
    uint64_t epoch;
    SlotSet slots;
  };
  const std::vector<Heard> claims = {
      {kX, 3, Slots(0, 9000)}, {kY, 5, Slots(4000, 12000)}, {kZ, 4, Slots(8000, 16383)}};
  std::vector<size_t> order = {0, 1, 2};
  std::optional<SlotMap> first;
  do {
    Table table;
    for (int round = 0; round < 2; ++round) {
      for (size_t i : order) table.Claim(claims[i].owner, claims[i].epoch, claims[i].slots);
    }
    if (!first) first = table.map;
    REQUIRE(table.map == *first);
  } while (std::next_permutation(order.begin(), order.end()));
  REQUIRE(first->SlotsOf(kX) == Slots(0, 3999));
  REQUIRE(first->SlotsOf(kY) == Slots(4000, 12000));
  REQUIRE(first->SlotsOf(kZ) == Slots(12001, 16383));
}

TEST_CASE("assigning a bound slot names the lowest one and changes nothing") {
  SlotMap map;
  REQUIRE(map.Assign(Slots(10, 20), kX).ok());
  const SlotMap before = map;
  const absl::Status status = map.Assign(Slots(0, 30), kY);
  REQUIRE(status.code() == absl::StatusCode::kAlreadyExists);
  REQUIRE(status.message() == "slot 10 is already bound");
  REQUIRE(map == before);
  REQUIRE(map.Assign({}, kY).ok());
  REQUIRE(map.Owners() == std::vector<NodeId>{kX});
}

TEST_CASE("unassigning an unbound slot names the lowest one and changes nothing") {
  SlotMap map;
  map.Bind(Slots(10, 20), kX);
  const SlotMap before = map;
  const absl::Status status = map.Unassign(Slots(15, 30));
  REQUIRE(status.code() == absl::StatusCode::kNotFound);
  REQUIRE(status.message() == "slot 21 is not bound");
  REQUIRE(map == before);
  REQUIRE(map.Unassign(Slots(10, 20)).ok());
  REQUIRE(map == SlotMap());
}

TEST_CASE("binding overrides owners and renews the claim") {
  Table table;
  table.Claim(kX, 1, Slots(0, 9));
  table.Claim(kX, 1, {});
  REQUIRE(table.map.unclaimed() == Slots(0, 9));
  table.map.Bind(Slots(0, 4), kY);
  table.map.Bind(Slots(5, 7), kX);
  REQUIRE(table.map.unclaimed() == Slots(8, 9));
  REQUIRE(table.map.Owners() == std::vector<NodeId>{kX, kY});
}

TEST_CASE("moving all slots of an owner leaves it without any") {
  SlotMap map;
  map.Bind(Slots(0, 9), kX);
  map.Bind(Slots(20, 29), kX);
  map.Bind(Slots(30, 39), kY);
  SlotSet moved = Slots(0, 9);
  moved.Add(Slots(20, 29));
  REQUIRE(map.MoveAll(kX, kY) == moved);
  REQUIRE(map.Owners() == std::vector<NodeId>{kY});
  REQUIRE(map.CountOf(kY) == 30);
  REQUIRE(map.MoveAll(kX, kZ).Empty());
  REQUIRE(map.Owners() == std::vector<NodeId>{kY});
}

TEST_CASE("arguments may refer into the map itself") {
  SlotMap map;
  map.Bind(Slots(0, 9), kX);
  map.Bind(Slots(10, 19), kY);
  REQUIRE(map.MoveAll(*map.OwnerOf(S(0)), *map.OwnerOf(S(10))) == Slots(0, 9));
  REQUIRE(map.Release(*map.OwnerOf(S(0))) == Slots(0, 19));
  REQUIRE(map == SlotMap());
}

TEST_CASE("maps are equal by content, whatever their past") {
  SlotMap a;
  a.Bind(Slots(0, 9), kX);
  a.Bind(Slots(10, 19), kY);
  SlotMap b;
  b.Bind(Slots(0, 5), kZ);
  b.Bind(Slots(10, 19), kY);
  b.Bind(Slots(0, 9), kX);
  REQUIRE(a == b);
  b.Bind(Slots(9, 9), kY);
  REQUIRE_FALSE(a == b);

  Table claimed;
  claimed.map = a;
  claimed.Claim(kX, 1, Slots(0, 8));
  REQUIRE_FALSE(claimed.map == a);
}

TEST_CASE("every slot may have an owner of its own") {
  SlotMap map;
  std::vector<NodeId> owners;
  for (int slot = 0; slot < kSlotCount; ++slot) {
    NodeId id;
    id.bytes[0] = static_cast<uint8_t>(slot >> 8);
    id.bytes[1] = static_cast<uint8_t>(slot);
    owners.push_back(id);
    map.Bind(Slots(slot, slot), id);
  }
  REQUIRE(map.Owners() == owners);
  // One more owner than slots passes through the table when it takes over the last slot.
  map.Bind(Slots(16383, 16383), Id(0xff));
  REQUIRE(*map.OwnerOf(S(16383)) == Id(0xff));
  REQUIRE(map.AssignedCount() == kSlotCount);
}

}  // namespace
}  // namespace clusterkit
