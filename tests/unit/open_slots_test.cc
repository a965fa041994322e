#include "clusterkit/open_slots.h"

#include "support/catch.h"
#include "support/view_builder.h"

namespace clusterkit {
namespace {

SlotSet Slots(int first, int last) {
  return SlotSet::Of({{static_cast<uint16_t>(first)}, {static_cast<uint16_t>(last)}});
}
const OpenSlots::Mark kTo2{SlotMigration::kExporting, TestNode(2)};
const OpenSlots::Mark kFrom2{SlotMigration::kImporting, TestNode(2)};
const OpenSlots::Mark kTo3{SlotMigration::kExporting, TestNode(3)};

TEST_CASE("a slot has one mark, the last one") {
  OpenSlots open;
  CHECK(open.Empty());
  open.Open(Slots(5, 7), kTo2);
  open.Open(Slots(7, 8), kFrom2);
  CHECK(open.Count() == 4);
  CHECK(*open.Find(SlotId{6}) == kTo2);
  CHECK(*open.Find(SlotId{7}) == kFrom2);
  CHECK(open.Find(SlotId{9}) == nullptr);
  CHECK(open.SlotsWith(kTo2) == Slots(5, 6));
}

TEST_CASE("groups come by direction and peer, whatever the order of opening") {
  OpenSlots one, other;
  one.Open(Slots(1, 1), kFrom2);
  one.Open(Slots(9, 9), kTo3);
  one.Open(Slots(4, 5), kTo2);
  other.Open(Slots(5, 5), kTo2);
  other.Open(Slots(9, 9), kTo3);
  other.Open(Slots(4, 4), kTo2);
  other.Open(Slots(1, 1), kFrom2);
  CHECK(one == other);
  const auto groups = one.Groups();
  REQUIRE(groups.size() == 3);
  CHECK(groups[0].mark == kTo2);
  CHECK(groups[0].slots == Slots(4, 5));
  CHECK(groups[1].mark == kTo3);
  CHECK(groups[2].mark == kFrom2);
}

TEST_CASE("closing leaves the others, and the plan, alone") {
  OpenSlots open;
  open.Open(Slots(0, 9), kTo2);
  open.SetPlan(SlotMovePlan{TestNode(2), Slots(0, 99)});
  open.Close(Slots(0, 4));
  open.Close(Slots(50, 60));
  CHECK(open.SlotsWith(kTo2) == Slots(5, 9));
  open.Close(Slots(5, 9));
  CHECK(open.Empty());
  CHECK(open.plan()->slots == Slots(0, 99));
}

}  // namespace
}  // namespace clusterkit
