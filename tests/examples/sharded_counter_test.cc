// The counter service's data, and what a replica makes of what it is told. As processes it is
// tested by test_sharded_counter.py, under faults by host_under_simulation_test.cc.

#include "sharded_counter/data.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "clusterkit/random.h"
#include "clusterkit/sim/cluster.h"
#include "sharded_counter/service.h"
#include "support/catch.h"

namespace sharded_counter {
namespace {

using clusterkit::Epoch;
using clusterkit::LinkId;
using clusterkit::NodeId;
using clusterkit::sim::Cluster;

NodeId SomeNode(uint64_t seed) {
  clusterkit::Rng rng(seed);
  return NodeId::Random(rng);
}

Data SomeCopy() {
  return {Data::Kind::kCopy, {5}, {3}, 7, {{SomeNode(1), 4}, {SomeNode(2), 7}}, {{"a", 2}}};
}

TEST_CASE("a copy follows its primary change by change") {
  Data copy = SomeCopy();
  CHECK(copy.Take({5}, 8, Increment{"a"}).ok());
  CHECK(copy.Take({5}, 9, Increment{"b"}).ok());
  CHECK(copy.Take({6}, 10, AddHolder{SomeNode(3)}).ok());
  CHECK(copy.Take({6}, 11, RemoveHolder{SomeNode(1)}).ok());
  CHECK(copy.counters == std::map<std::string, uint64_t>{{"a", 3}, {"b", 1}});
  CHECK(copy.holders == std::map<NodeId, uint64_t>{{SomeNode(2), 7}, {SomeNode(3), 10}});
  CHECK(copy.epoch == Epoch{6});
  CHECK(copy.progress() == clusterkit::Progress{{3}, 11, true});
}

TEST_CASE("a copy refuses a primary of an older config epoch, and stays what it is") {
  Data copy = SomeCopy();
  const std::string before = Format(copy);
  CHECK(absl::IsFailedPrecondition(copy.Take({4}, 8, Increment{"a"})));
  Data older = SomeCopy();
  older.epoch = {4};
  older.offset = 100;
  CHECK(absl::IsFailedPrecondition(copy.TakeCopy(older)));
  CHECK(Format(copy) == before);
}

TEST_CASE("a change that is not the next one is refused, also a second time") {
  Data copy = SomeCopy();
  const std::string before = Format(copy);
  CHECK(absl::IsDataLoss(copy.Take({5}, 7, Increment{"a"})));
  CHECK(absl::IsDataLoss(copy.Take({5}, 9, Increment{"a"})));
  CHECK(Format(copy) == before);
  Data own = SomeCopy();
  own.kind = Data::Kind::kOwn;
  CHECK(absl::IsDataLoss(own.Take({5}, 8, Increment{"a"})));
}

TEST_CASE("a shard has a bounded number of keys") {
  Data copy = SomeCopy();
  copy.counters.clear();
  for (size_t i = 0; i < kMostKeys; ++i) {
    REQUIRE(copy.Take({5}, copy.offset + 1, Increment{"k" + std::to_string(i)}).ok());
  }
  CHECK(absl::IsResourceExhausted(copy.Take({5}, copy.offset + 1, Increment{"one-more"})));
  CHECK(copy.Take({5}, copy.offset + 1, Increment{"k0"}).ok());
}

TEST_CASE("data and changes are the same after they were written and read") {
  for (const Data::Kind kind : {Data::Kind::kNothing, Data::Kind::kCopy, Data::Kind::kOwn}) {
    Data data = SomeCopy();
    data.kind = kind;
    const auto read = ParseData(Format(data));
    REQUIRE(read.ok());
    CHECK(Format(*read) == Format(data));
    CHECK(read->kind == kind);
  }
  for (const Change& change : {Change(Increment{"{a}:b"}), Change(AddHolder{SomeNode(1)}),
                               Change(RemoveHolder{SomeNode(2)})}) {
    const std::string line = Format(NumberedChange{{5}, 8, change});
    INFO(line);
    const auto read = ParseChange(line);
    REQUIRE(read.ok());
    CHECK(read->change.index() == change.index());
    CHECK(Format(*read) == line);
  }
}

TEST_CASE("what is no data and no change is refused") {
  for (const char* line : {"", "COPY", "COPY 1 2", "copy 1 2 3", "COPY 1 2 x", "COPY 1 2 3 a",
                           "COPY 1 2 3 a=", "COPY 1 2 3 =1", "COPY 1 2 3 a=x", "COPY 1 2 3 me@1",
                           "COPY 1 2 3 ", "COPY -1 2 3", "TRYAGAIN"}) {
    INFO(line);
    CHECK(absl::IsInvalidArgument(ParseData(line).status()));
  }
  for (const char* line : {"", "DO", "DO 1 2 INCR", "DO 1 2 INCR a b", "DO 1 x INCR a",
                           "DO 1 2 ADD a", "DO 1 2 REMOVE a", "DO 1 2 DECR a", "DO 1 2 INCR a=b"}) {
    INFO(line);
    CHECK(absl::IsInvalidArgument(ParseChange(line).status()));
  }
  CHECK_FALSE(IsKey(""));
  CHECK_FALSE(IsKey(std::string(kLongestKey + 1, 'k')));
  CHECK(IsKey(std::string(kLongestKey, 'k')));
}

// --- A replica, and a primary that says what it should not ---------------------------------------

class Replica : public clusterkit::Observer {
 public:
  Replica(const std::string& name, Cluster& cluster, Data* disk)
      : cluster_(cluster),
        name_(name),
        service_({cluster.NewTransport(name), [this] { return cluster_.LocalNow(name_); },
                  [disk](const Data& data) { *disk = data; }, nullptr},
                 *disk) {
    cluster_.After(name, absl::ZeroDuration(), [this] {
      CHECK(service_.Begin(&cluster_.node(name_)).ok());
      Tick();
    });
  }
  void OnEvent(const clusterkit::Event& event, clusterkit::Instant now) override {
    service_.OnEvent(event, now);
  }

 private:
  void Tick() {
    service_.Tick();
    cluster_.After(name_, kTick, [this] { Tick(); });
  }

  Cluster& cluster_;
  const std::string name_;
  Service service_;
};

class Liar : public clusterkit::Observer, public clusterkit::Transport::Handler {
 public:
  Liar(const std::string& name, Cluster& cluster) : transport_(cluster.NewTransport(name)) {
    cluster.After(name, absl::ZeroDuration(), [this, name, &cluster] {
      CHECK(transport_->Listen(cluster.node(name).options().client, this).ok());
    });
  }
  void OnEvent(const clusterkit::Event&, clusterkit::Instant) override {}
  LinkId OnAccept(const std::string&) override { return LinkId{++links_}; }
  void OnLinkUp(LinkId) override {}
  void OnLinkDown(LinkId, clusterkit::LinkDownCause, const absl::Status&) override { ++downs_; }
  void OnBadFrame(LinkId, const absl::Status&) override {}
  void OnFrame(LinkId link, std::string_view line) override {
    heard_.emplace_back(line);
    if (!line.starts_with("FOLLOW")) return;
    link_ = link;
    transport_->Send(link, greeting);
  }

  void Say(const std::string& line) { transport_->Send(*link_, line); }
  bool Heard(const std::string& line) const { return !heard_.empty() && heard_.back() == line; }
  int downs() const { return downs_; }

  std::string greeting;

 private:
  const std::unique_ptr<clusterkit::Transport> transport_;
  uint64_t links_ = 0;
  int downs_ = 0;
  std::optional<LinkId> link_;
  std::vector<std::string> heard_;
};

TEST_CASE("a replica leaves a primary of an older config epoch, and one that skips a change") {
  std::map<std::string, Data> disks;
  Liar* liar = nullptr;
  Cluster cluster(1, clusterkit::Options::Loopback());
  cluster.SetHostFactory(
      [&](const std::string& name, Cluster&) -> std::unique_ptr<clusterkit::Observer> {
        if (name != "p1") return std::make_unique<Replica>(name, cluster, &disks[name]);
        auto made = std::make_unique<Liar>(name, cluster);
        liar = made.get();
        liar->greeting = "COPY 9 0 5 a=5";
        return made;
      });
  REQUIRE(Form(cluster, {.primaries = 3, .replicas_per_primary = 1}).ok());
  const auto soon = [&](auto done) { return cluster.AdvanceUntil(done, absl::Seconds(5)); };
  REQUIRE(soon([&] { return liar->Heard("HAVE 5"); }));
  liar->Say("DO 9 6 INCR a");
  REQUIRE(soon([&] { return liar->Heard("HAVE 6"); }));
  const std::string before = Format(disks["r1"]);
  CHECK(before == "COPY 9 0 6 a=6");

  std::string said;
  SECTION("an older epoch") { said = "DO 8 7 INCR a"; }
  SECTION("a gap") { said = "DO 9 8 INCR a"; }
  SECTION("a change that it has") { said = "DO 9 6 INCR a"; }
  SECTION("nonsense") { said = "DO something"; }
  SECTION("a copy of an older epoch") { said = "COPY 8 0 100 a=100"; }
  // What it is greeted with when it tries again is no better.
  liar->greeting = "COPY 8 0 100 a=100";
  liar->Say(said);
  REQUIRE(soon([&] { return liar->downs() > 3; }));
  CHECK(Format(disks["r1"]) == before);
}

}  // namespace
}  // namespace sharded_counter
