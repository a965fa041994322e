// What keys do, and what becomes of answers over time.

#include <optional>
#include <string>
#include <vector>

#include "clusterkit_top/arguments.h"
#include "clusterkit_top/fixture.h"
#include "support/catch.h"

namespace clusterkit_top {
namespace {

std::vector<int> PortsBy(Sort sort, const Status& status) {
  ShardNames shards;
  shards.Learn(status);
  std::vector<int> ports;
  for (const Node* node : Sorted(status, sort, shards)) ports.push_back(node->port);
  return ports;
}

TEST_CASE("q quits") {
  Picture picture({Answering("here", Healthy())});
  picture.Type('x');
  CHECK_FALSE(picture.ui.quit);
  picture.Type('q');
  CHECK(picture.ui.quit);
}

TEST_CASE("up and down select a node in the order of the table, and stay in it") {
  Picture picture({Answering("here", Healthy())});
  std::string ids;
  for (const char key : {'j', 'j', 'j', 'j', 'j', 'k', '\x1b', 'k'}) {
    picture.Type(key);
    ids += picture.ui.node.substr(0, 1) + ".";
  }
  CHECK(ids == "1.4.2.3.3.2..3.");
  CHECK(Contains(picture.Screen(), "NODE  127.0.0.1:7003\nid " + Id('3')));
}

TEST_CASE("a selected node that is forgotten is selected no longer") {
  Picture picture({Answering("here", Healthy())});
  picture.ui.node = Id('9');
  CHECK_FALSE(Contains(picture.Screen(), "NODE  "));
  picture.Type('j');
  CHECK(picture.ui.node == Id('1'));
}

TEST_CASE("tab goes round the views, also to one that does not answer") {
  Picture picture({Answering("one", Healthy()), Silent("two"), Answering("three", FailedOver())});
  for (const char* address : {"127.0.0.1:7001 by one", "two  no answer", "127.0.0.1:7004 by three",
                              "127.0.0.1:7001 by one"}) {
    CHECK(Contains(picture.Screen(), address));
    picture.Type('\t');
  }
}

TEST_CASE("s sorts by shard, address, health and lag") {
  Status status = Healthy();
  status.nodes[2].health = Health::kFail;
  status.nodes.push_back(MakeReplica('5', 7005, status.nodes[1], 100));
  CHECK(PortsBy(Sort::kShard, status) == std::vector{7001, 7004, 7002, 7005, 7003});
  CHECK(PortsBy(Sort::kAddress, status) == std::vector{7001, 7002, 7003, 7004, 7005});
  CHECK(PortsBy(Sort::kHealth, status) == std::vector{7003, 7001, 7004, 7002, 7005});
  CHECK(PortsBy(Sort::kLag, status) == std::vector{7005, 7004, 7001, 7002, 7003});
  Picture picture({Answering("here", status)});
  for (const char* by : {"by shard", "by address", "by health", "by lag", "by shard"}) {
    CHECK(Contains(picture.Screen(), by));
    picture.Type('s');
  }
}

TEST_CASE("p pauses, ? explains, and each of them ends it again") {
  Picture picture({Answering("here", Healthy())});
  for (int i = 0; i < 2; ++i) {
    CHECK_FALSE(Contains(picture.Screen(), "PAUSED"));
    picture.Type('p');
    CHECK(Contains(picture.Screen(), "PAUSED"));
    picture.Type('p');
    picture.Type('?');
    CHECK(Contains(picture.Screen(), "q           quit"));
    CHECK_FALSE(Contains(picture.Screen(), "SLOTS"));
    picture.Type('?');
  }
}

TEST_CASE("b shows messages in place of events where there is no room for both") {
  Status status = Healthy();
  status.traffic["ping"] = {1, 1, 1, 1};
  Picture picture({Answering("here", status)});
  const auto shows = [&picture](const char* panel, size_t height) {
    return Contains(picture.Screen(120, height), panel);
  };
  CHECK(shows("EVENTS", 28));
  CHECK_FALSE(shows("BUS", 28));
  CHECK(shows("EVENTS", 50));
  CHECK(shows("BUS", 50));
  picture.Type('b');
  CHECK_FALSE(shows("EVENTS", 28));
  CHECK(shows("BUS", 28));
}

TEST_CASE("keys do no harm before the first answer") {
  View view;
  view.address = "here";
  Picture picture({view});
  for (const char key : std::string("jk\tsebp?\x1b")) picture.Type(key);
  picture.ui.help = false;
  CHECK(Contains(picture.Screen(), "here  asking"));
}

TEST_CASE("lag is told of a synchronised replica within one history") {
  Status status = Healthy();
  CHECK(Lag(status, status.nodes[3]) == 10);
  CHECK(Lag(status, status.nodes[0]) == std::nullopt);
  status.nodes[3].offset = 1007;  // Heard of later than its primary.
  CHECK(Lag(status, status.nodes[3]) == 0);
  status.nodes[3].history = 2;
  CHECK(Lag(status, status.nodes[3]) == std::nullopt);
  status.nodes[3].history = 3;
  status.nodes[3].synced = false;
  CHECK(Lag(status, status.nodes[3]) == std::nullopt);
  CHECK(Contains(Picture({Answering("here", status)}).Whole(), "not synced"));
}

TEST_CASE("events are kept once each, in order, and so many at most") {
  View view = Answering("here", Healthy());
  view.Take(Events("run", {1, 2}));
  view.Take(Events("run", {2, 3}));
  CHECK(view.events.size() == 3);
  CHECK(view.Since() == 3);
  view.Take(Events("another", {4}));
  CHECK(view.Since() == 3);
  for (uint64_t i = 4; i < 3000; ++i) view.Take(Events("run", {i}));
  CHECK(view.events.size() == View::kMostEvents);
  CHECK(view.Since() == 2999);
}

TEST_CASE("a restarted process is asked for its events from the first") {
  View view = Answering("here", Healthy());
  view.Take(Events("run", {1, 2}));
  Status again = Healthy();
  again.server.run_id = "another";
  again.server.time_ms += 1000;
  again.last_event = 1;
  view.Take(again, 1);
  CHECK(view.Since() == 0);
  CHECK(view.WantsEvents());
  CHECK(view.Rates().empty());
}

TEST_CASE("rates are means of some seconds, and none when a clock goes back") {
  Status status = Healthy();
  View view = Answering("here", status);
  CHECK(view.Rates().empty());
  for (int second = 1; second <= 30; ++second) {
    status.server.time_ms += 1000;
    status.traffic["ping"].frames_sent += second <= 15 ? 100 : 2;
    view.Take(status, second);
  }
  CHECK(view.Rates()["ping"].frames_sent == 2);
  CHECK(view.samples.size() < 15);
  status.server.time_ms -= 60'000;
  view.Take(status, 31);
  CHECK(view.Rates().empty());
}

TEST_CASE("addresses are ports, hosts with ports, and IPv6 in brackets") {
  const auto parsed = [](const std::string& text) {
    const auto address = ParseAddress(text);
    return address.ok() ? Describe(*address) : "refused";
  };
  CHECK(parsed("9121") == "127.0.0.1:9121");
  CHECK(parsed("db-1.lan:9121") == "db-1.lan:9121");
  CHECK(parsed("[::1]:9121") == "[::1]:9121");
  for (const char* bad : {"", ":", ":9121", "host:", "host", "host:0", "host:65536", "host:9121x",
                          "::1:9121", "[]:1", "[::1]", "http://host:9121", "-1"}) {
    CAPTURE(bad);
    CHECK(parsed(bad) == "refused");
  }
}

TEST_CASE("a command line that makes no sense is refused with what is wrong") {
  const auto refusal = [](const std::vector<std::string>& words) {
    return std::string(ParseArguments(words).status().message());
  };
  CHECK(ParseArguments({"--once", "--no-color", "--interval", "0.5", "1", "2"}).ok());
  CHECK(ParseArguments({"--help"}).ok());
  CHECK(Contains(refusal({}), "no address"));
  CHECK(Contains(refusal({"--often", "1"}), "unknown option --often"));
  CHECK(Contains(refusal({"x"}), "'x' is not [HOST:]PORT"));
  for (const char* interval : {"0", "-1", "nan", "1e9", "x"}) {
    CHECK(Contains(refusal({"1", "--interval", interval}), "--interval"));
  }
  CHECK(Contains(refusal({"1", "--interval"}), "--interval"));
  CHECK(Contains(refusal(std::vector<std::string>(65, "1")), "more than 64"));
}

}  // namespace
}  // namespace clusterkit_top
