// When to dial again.

#include "core/links.h"

#include "support/catch.h"
#include "support/view_builder.h"

namespace clusterkit {
namespace {

using absl::Milliseconds;

TEST_CASE("a dead node is dialled twice quickly, then ever more rarely, up to a limit") {
  Options options;
  options.node_timeout = absl::Seconds(4);
  Links links(options);
  const NodeId peer = TestNode(1);
  Instant now = At(absl::ZeroDuration());
  links.WantDial(peer, now, /*at_once=*/true);
  std::vector<absl::Duration> waits;
  for (int i = 0; i < 12; ++i) {
    REQUIRE(links.TakeDueDials(now) == std::vector<NodeId>{peer});
    CHECK(links.TakeDueDials(now).empty());  // Once, until it is wanted again.
    links.DialFailed(peer, now);
    // The periodic wish for links does not cut the wait short.
    links.WantDial(peer, now, /*at_once=*/false);
    waits.push_back(links.NextDial() - now);
    now = links.NextDial();
  }
  CHECK(waits[0] == Milliseconds(50));
  CHECK(waits[1] == Milliseconds(50));
  for (size_t i = 2; i < waits.size(); ++i) {
    CHECK(waits[i] ==
          std::min(Milliseconds(50) * (1 << (i - 1)), absl::Duration(absl::Seconds(1))));
  }

  // A sign of life ends the waiting, and the count begins anew.
  links.WantDial(peer, now, /*at_once=*/true);
  CHECK(links.NextDial() == now);
  REQUIRE(links.TakeDueDials(now).size() == 1);
  links.DialFailed(peer, now);
  CHECK(links.NextDial() == now + Milliseconds(50));
}

TEST_CASE("the longest wait follows node_timeout, between 250 ms and 2 s") {
  for (const auto& [node_timeout, longest] : {std::pair{Milliseconds(1), Milliseconds(250)},
                                              {Milliseconds(2000), Milliseconds(500)},
                                              {Milliseconds(60000), Milliseconds(2000)}}) {
    Options options;
    options.node_timeout = node_timeout;
    Links links(options);
    Instant now = At(absl::ZeroDuration());
    for (int i = 0; i < 20; ++i) {
      links.DialFailed(TestNode(1), now);
      CHECK(links.NextDial() - now <= longest);
      if (i == 19) CHECK(links.NextDial() - now == longest);
      now = links.NextDial();
    }
  }
}

}  // namespace
}  // namespace clusterkit
