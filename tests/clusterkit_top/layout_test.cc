// What is drawn, as text.

#include "clusterkit_top/fixture.h"
#include "support/catch.h"

namespace clusterkit_top {
namespace {

// One picture in full; the other tests look at parts.
constexpr const char* kHealthy = R"(
clusterkit-top  127.0.0.1:7001 by here:9001                                                 22:13:20

  ###  #   #            cluster ok
 #   # #  #             16384 of 16384 slots have a live owner
 #   # ###              4 nodes, 2 of 3 voters decide, epoch 7
 #   # #  #             this node: primary of shard A, epoch 1, voted in 0, lease 1.5 s
  ###  #   #            up 1m05s, 1 client, 12 keys, 0 commands/s, elections won 0, votes given 0 re

SLOTS  64 in each cell;  . nobody's  ? pfail  ! fail  > leaving  < arriving
     0 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
  4096 BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB
  8192 CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC
 12288 CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC
A 127.0.0.1:7001 4096   B 127.0.0.1:7002 4096   C 127.0.0.1:7003 8192

NODES  by shard
  node                 shard role     health   epoch slots     offset        lag  links answered
* 127.0.0.1:7001       A     primary  online       1  4096       1000              self
  127.0.0.1:7004       A     replica  online       1              990         10  -> <-   120 ms
  127.0.0.1:7002       B     primary  online       2  4096       1000             -> <-   120 ms
  127.0.0.1:7003       C     primary  online       3  8192       1000             -> <-   120 ms

EVENTS
  nothing yet

BUS
  messages                sent  received    sent/s    recv/s  B sent/s  B recv/s
)";

TEST_CASE("a healthy cluster is drawn") {
  CHECK("\n" + Picture({Answering("here:9001", Healthy())}).Whole(100) == kHealthy);
}

TEST_CASE("a failed primary is named with its slots, and the state is FAIL") {
  Status status = Healthy();
  status.nodes[1].health = Health::kFail;
  status.cluster->ok = false;
  status.cluster->reason = "slot uncovered";
  status.cluster->slots_fail = 4096;
  const std::string drawn = Picture({Answering("here", status)}).Whole();
  CHECK(Contains(drawn, " #####  ###  ### #    "));
  CHECK(Contains(drawn, "cluster fail: slot uncovered"));
  CHECK(Contains(drawn, "12288 of 16384 slots have a live owner, 4096 fail"));
  CHECK(Contains(drawn, "127.0.0.1:7002 has failed; 4096 slots without a live owner"));
  CHECK(Contains(drawn, "\n  4096 " + std::string(64, '!')));
  CHECK(Contains(drawn, "127.0.0.1:7002       B     primary  FAIL"));
}

TEST_CASE("a suspected primary's slots are marked, and who else suspects it is counted") {
  Status status = Healthy();
  status.nodes[1].health = Health::kPfail;
  status.nodes[1].failure_reports = 1;
  const std::string drawn = Picture({Answering("here", status)}).Whole();
  CHECK(Contains(drawn, "127.0.0.1:7002 is suspected, also by 1 other voter\n"));
  CHECK(Contains(drawn, "\n  4096 " + std::string(64, '?')));
}

TEST_CASE("a shard keeps its letter when its primary changes") {
  Picture picture({Answering("here", Healthy())});
  picture.views = {Answering("there", FailedOver())};
  picture.shards.Learn(*picture.views[0].status);
  const std::string drawn = picture.Whole();
  CHECK(Contains(drawn, "A 127.0.0.1:7004 4096   B 127.0.0.1:7002 4096"));
  CHECK(Contains(drawn, "* 127.0.0.1:7004       A     primary  online       8  4096"));
  CHECK(Contains(drawn, "  127.0.0.1:7001       A     primary  FAIL"));
}

TEST_CASE("slots without owner and slots on their way are marked in the map") {
  Status status = Healthy();
  status.nodes[2].slots = {{{12288}, {16383}}};
  status.nodes[2].slot_count = 4096;
  status.open = {{true, Id('2'), {{{0}, {3}}}}, {false, Id('3'), {{{12288}, {12288}}}}};
  status.move = Move{Id('2'), 4};
  const std::string drawn = Picture({Answering("here", status)}).Whole();
  CHECK(Contains(drawn, "\n     0 >AAAA"));
  CHECK(Contains(drawn, "\n  8192 " + std::string(64, '.') + "\n"));
  CHECK(Contains(drawn, "\n 12288 <CCCC"));
  CHECK(Contains(drawn, "slots move to 127.0.0.1:7002: 4 left"));
  CHECK(Contains(drawn, "slot 0-3 on the way to 127.0.0.1:7002"));
  CHECK(Contains(drawn, "slot 12288 arriving from 127.0.0.1:7003"));
}

TEST_CASE("events are drawn with their causes and with names in place of ids") {
  View view = Answering("here", FailedOver());
  view.Take(EventPage{
      "run",
      {{31, 0, 1'700'000'000'005, "HealthChanged", "11111111 PFAIL (crash evidence)", {Id('1')}},
       {32, 31, 1'700'000'000'006, "HealthChanged", "11111111 FAIL (reports 2 of 2)", {Id('1')}},
       {33, 0, 1'700'000'000'007, "SuspicionHeard", "22222222 suspects 11111111", {Id('1')}},
       {109, 32, 1'700'000'000'010, "SlotsRebound", "slots 0-4095 11111111 -> 44444444", {}}}});
  Picture picture({view});
  CHECK(Part(picture.Whole(), "EVENTS") ==
        "EVENTS\n"
        "  22:13:20.005  #31          127.0.0.1:7001 PFAIL (crash evidence)\n"
        "  22:13:20.006  #32  <- #31  127.0.0.1:7001 FAIL (reports 2 of 2)\n"
        "  22:13:20.010  #109 <- #32  slots 0-4095 127.0.0.1:7001 -> 127.0.0.1:7004\n");
  SECTION("hearsay is shown if it is asked for") {
    picture.Type('e');
    CHECK(Contains(picture.Whole(), "127.0.0.1:7002 suspects 127.0.0.1:7001"));
  }
  SECTION("what a shown event follows from is shown, too") {
    picture.views[0].Take(EventPage{"run", {{110, 33, 0, "HealthChanged", "x", {}}}});
    CHECK(Contains(picture.Whole(), "127.0.0.1:7002 suspects 127.0.0.1:7001"));
  }
}

TEST_CASE("messages are drawn by kind, the most frequent first, with rates") {
  Status before = Healthy(), after = Healthy();
  before.traffic = {{"ping", {10, 10, 1000, 1000}}, {"pong", {0, 0, 0, 0}}, {"fail", {}}};
  after.traffic = {{"ping", {20, 12, 2000, 1200}}, {"pong", {90, 12000, 9000, 9e6}}, {"fail", {}}};
  after.server.time_ms += 2000;
  View view = Answering("here", before);
  view.Take(after, 2000);
  CHECK(Part(Picture({view}).Whole(), "BUS") ==
        "BUS\n"
        "  messages                sent  received    sent/s    recv/s  B sent/s  B recv/s\n"
        "  pong                      90       12k        45      6.0k      4.5k      4.5M\n"
        "  ping                      20        12       5.0       1.0       500       100\n");
}

TEST_CASE("a view of a node that no longer answers stays, and says how old it is") {
  View view = Answering("here", Healthy());
  view.Take(absl::UnavailableError("cannot connect"));
  Picture picture({view});
  picture.now_ms = 12'300;
  const std::string drawn = picture.Whole();
  CHECK(Contains(drawn, "no answer: cannot connect (below: 12.3 s ago)"));
  CHECK(Contains(drawn, " #   #                  16384 of 16384"));  // A question mark, not OK.
  CHECK(Contains(drawn, "* 127.0.0.1:7001"));
}

TEST_CASE("the first node that answers is shown, and the others are named") {
  const std::string drawn = Picture({Silent("dead:1"), Answering("here:2", Healthy())}).Whole();
  CHECK(Contains(drawn, "clusterkit-top  127.0.0.1:7001 by here:2 "));
  CHECK(Contains(drawn, "1 of 2 answer"));
  CHECK(Contains(drawn, "\n  dead:1 does not answer: cannot connect\n"));
}

TEST_CASE("where views differ is told with who says what") {
  CHECK(Part(Picture({Answering("one", Healthy()), Answering("two", Healthy())}).Whole(),
             "VIEWS") == "VIEWS  those that answer agree\n");
  CHECK(Part(Picture({Answering("one", Healthy()), Answering("four", FailedOver()),
                      Answering("three", Healthy())})
                 .Whole(),
             "VIEWS") ==
        "VIEWS  4 differences\n"
        "  current epoch:  7 (one, three)  8 (four)\n"
        "  127.0.0.1:7001:  primary, epoch 1 (one, three)  primary, epoch 1, FAIL (four)\n"
        "  127.0.0.1:7004:  primary, epoch 8 (four)  replica of 127.0.0.1:7001 (one, three)\n"
        "  slot 0-4095:  127.0.0.1:7001 (one, three)  127.0.0.1:7004 (four)\n");
}

TEST_CASE("a node without cluster support is shown as such") {
  Status status;
  status.server.keys = 3;
  const std::string drawn = Picture({Answering("here", status)}).Whole();
  CHECK(Contains(drawn, "cluster support is off"));
  CHECK(Contains(drawn, "3 keys"));
  CHECK_FALSE(Contains(drawn, "SLOTS"));
}

TEST_CASE("a node that is being introduced is a line without claims") {
  Status status = Healthy();
  Node stranger = MakeNode('9', 0, '9');
  stranger.handshake = true;
  stranger.bus_port = 17009;
  status.nodes.push_back(stranger);
  CHECK(Contains(Picture({Answering("here", status)}).Whole(),
                 "  127.0.0.1:17009      being introduced\n"));
}

TEST_CASE("names of any length leave the columns where they are") {
  Status status = Healthy();
  status.nodes[1].name = std::string(128, 'n');
  CHECK(Contains(Picture({Answering("here", status)}).Whole(),
                 "\n  " + std::string(20, 'n') + " B     primary  online"));
}

TEST_CASE("a picture never exceeds the terminal, however small that is") {
  Status status = FailedOver();
  status.move = Move{Id('2'), 4};
  View view = Answering("here", status);
  for (uint64_t i = 1; i <= 300; ++i) {
    view.Take(EventPage{"run", {{i, i - 1, 0, "RoleChanged", std::string(200, 'x'), {}}}});
  }
  Picture picture({view, Silent("dead"), Answering("other", Healthy())});
  picture.Type('j');
  for (const bool help : {false, true}) {
    picture.ui.help = help;
    for (const size_t width : {0, 1, 2, 7, 20, 79, 80, 500}) {
      for (const size_t height : {0, 1, 2, 3, 10, 17, 18, 24, 200}) {
        CAPTURE(help, width, height);
        const Lines lines = Layout(picture.scene(), width, height);
        CHECK(lines.size() <= height);
        for (const Line& line : lines) REQUIRE(line.size() <= width);
      }
    }
  }
}

TEST_CASE("a usual terminal has room for the state, slots, nodes and the newest events") {
  View view = Answering("here", Healthy());
  for (uint64_t i = 1; i <= 30; ++i) {
    view.Take(EventPage{"run", {{i, 0, 0, "RoleChanged", "event", {}}}});
  }
  const std::string drawn = Picture({view}).Screen(80, 24);
  for (const char* part : {"cluster ok", "SLOTS", "NODES", "127.0.0.1:7001", "#30", "q quit"}) {
    CAPTURE(part);
    CHECK(Contains(drawn, part));
  }
}

TEST_CASE("of many nodes the selected one is among those that are shown") {
  Status status = Healthy();
  for (int i = 0; i < 200; ++i) {
    Node node = MakeReplica('5', 8000 + i, status.nodes[0], 0);
    node.id = std::to_string(1000 + i) + Id('5').substr(4);
    status.nodes.push_back(node);
  }
  Picture picture({Answering("here", status)});
  CHECK(Contains(picture.Screen(120, 40), "* 127.0.0.1:7001"));
  picture.ui.node = status.nodes.back().id;
  const std::string drawn = picture.Screen(120, 40);
  CHECK(Contains(drawn, "> 127.0.0.1:8199"));
  CHECK_FALSE(Contains(drawn, "* 127.0.0.1:7001"));
  CHECK(Contains(drawn, " of 204\n"));
}

}  // namespace
}  // namespace clusterkit_top
