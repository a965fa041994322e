// The protocol alone, without a network, a disk or a clock: a primary without peers takes all
// slots, and serves a key when its cluster is up.

#include <cstdio>
#include <variant>

#include "absl/time/time.h"
#include "clusterkit/node_core.h"
#include "clusterkit/routing.h"

int main() {
  namespace ck = clusterkit;

  ck::Options options = ck::Options::Loopback();
  options.bus = {"127.0.0.1", 17000};
  options.client = {"127.0.0.1", 7000};
  ck::Instant now{absl::Seconds(1)};
  auto core = ck::NodeCore::Create(options, std::nullopt, /*seed=*/1, now);
  if (!core.ok()) return 1;
  const ck::SlotRange all = {ck::SlotId{0}, ck::SlotId{ck::kSlotCount - 1}};
  if (!(*core)->AddSlots(ck::SlotSet::Of(all), now).ok()) return 2;

  const ck::SlotId slot = ck::SlotForKey("a key");
  for (int turn = 0; turn < 1000; ++turn) {
    const ck::Ready ready = (*core)->TakeReady();
    if (ready.save) (*core)->OnSaved(ready.save->number, now);
    const auto route = ck::Route((*core)->view(), {.slots = {&slot, 1}, .write = true}, now);
    if (std::holds_alternative<ck::Serve>(route)) {
      std::printf("core: slot %d is served after %d turns\n", slot.value, turn);
      return 0;
    }
    now = (*core)->NextDeadline();
    (*core)->OnTick(now);
  }
  return 3;
}
