#include "clusterkit/describe.h"

#include <string>
#include <vector>

#include "support/catch.h"

namespace clusterkit {
namespace {

NodeId Id(uint8_t n) {
  NodeId id;
  id.bytes[0] = n;
  return id;
}
const NodeId kP1 = Id(0x01), kP2 = Id(0x02), kP3 = Id(0x03), kR1 = Id(0x11);

std::string Name(const NodeId& id) {
  return (id.bytes[0] < 0x10 ? "p" : "r") + std::to_string(id.bytes[0] & 15);
}

std::string Line(const Event& event) { return Describe(event, Name); }
std::string Line(const Frame& frame) { return Describe(frame, Name); }

SlotSet Slots(int first, int last) {
  return SlotSet::Of({{static_cast<uint16_t>(first)}, {static_cast<uint16_t>(last)}});
}

Heartbeat Beat(Heartbeat::Kind kind) {
  Heartbeat heartbeat;
  heartbeat.kind = kind;
  return heartbeat;
}

Header PrimaryHeader() {
  Header header;
  header.sender = kP1;
  header.current_epoch = {6};
  header.config_epoch = {1};
  header.claim_digest = 99;
  return header;
}

Header ReplicaHeader() {
  Header header;
  header.sender = kR1;
  header.role = Role::kReplica;
  header.primary = kP1;
  header.current_epoch = {6};
  header.config_epoch = {1};
  header.progress = {{3}, 120, true};
  return header;
}

TEST_CASE("values print in the field's words") {
  REQUIRE(ShortName(Id(0xab)) == "ab000000");
  REQUIRE(Describe(Role::kReplica) == "replica");
  REQUIRE(Describe(Health::kPfail) == "PFAIL");
  REQUIRE(Describe(ClusterState::kFail) == "fail");
  REQUIRE(Describe(Endpoint{"10.0.0.1", 7000}) == "10.0.0.1:7000");
  REQUIRE(Describe(Endpoint{"", 7000}) == ":7000");
  REQUIRE(Describe(Progress{{3}, 120, true}) == "3/120");
  REQUIRE(Describe(Progress{{3}, 120, false}) == "unsynced");
  SlotSet slots = Slots(0, 5460);
  slots.Add(SlotId{7000});
  REQUIRE(Describe(slots) == "0-5460 7000");
  REQUIRE(Describe(SlotSet()) == "none");
}

TEST_CASE("every enumerator has words") {
  for (int i = 0; i <= static_cast<int>(VoteRefusal::kRoundTooLong); ++i) {
    REQUIRE(Describe(static_cast<VoteRefusal>(i)) != "unknown");
  }
  for (int i = 0; i <= static_cast<int>(Ineligible::kPrimaryHasNoSlots); ++i) {
    REQUIRE(Describe(static_cast<Ineligible>(i)) != "unknown");
  }
  for (int i = 0; i <= static_cast<int>(DownReason::kMinority); ++i) {
    REQUIRE(Describe(static_cast<DownReason>(i)) != "unknown");
  }
}

TEST_CASE("membership events print as one line each") {
  REQUIRE(Line(NodeAdded{NodeAdded::By::kMeet, kP2, {"10.0.0.2", 17000}}) ==
          "p2 added (meet, 10.0.0.2:17000)");
  REQUIRE(Line(NodeAdded{NodeAdded::By::kGossip, kP2, {"10.0.0.2", 17000}}) ==
          "p2 added (gossip, 10.0.0.2:17000)");
  REQUIRE(Line(NodeRemoved{kP2, {}}) == "p2 removed");
  REQUIRE(Line(NodeRemoved{kP2, kP1}) == "p2 removed (by word of p1)");
  REQUIRE(Line(VotingChanged{kP2, Voting::kWithSlots, Voting::kWitness}) == "p2: witness");
  REQUIRE(Line(ForgottenByPeer{kP2, absl::Seconds(59)}) == "p2 has forgotten us, for 59s");
  NodeDetails details;
  REQUIRE(Line(NodeDetailsChanged{NodeDetailsChanged::Cause::kCommand, kP2, details}) ==
          "p2 has no names or tags (command)");
  details = {"h.example", "alpha", {{"zone", "a\nb"}}};
  REQUIRE(Line(NodeDetailsChanged{NodeDetailsChanged::Cause::kSaidSo, kP2, details}) ==
          "p2 has name alpha, hostname h.example, zone a\\nb (its own word)");
  const Endpoint bus{"10.0.0.3", 17000}, client{"10.0.0.3", 7000};
  REQUIRE(Line(AddressChanged{AddressChanged::Cause::kSaidSo, kP2, bus, client}) ==
          "p2 is at 10.0.0.3:7000, bus 10.0.0.3:17000 (its own word)");
  REQUIRE(Line(AddressChanged{AddressChanged::Cause::kGossip, kP2, bus, client}) ==
          "p2 is at 10.0.0.3:7000, bus 10.0.0.3:17000 (gossip)");
  REQUIRE(Line(MeetFailed{{"10.0.0.9", 17000}}) == "MEET 10.0.0.9:17000 got no answer");
  REQUIRE(Line(PeerRefused{"10.0.0.9", Goodbye::Reason::kClusterName, "named \"b\""}) ==
          "peer 10.0.0.9 refused (other cluster): named \\\"b\\\"");
  REQUIRE(Line(PeerRefused{"10.0.0.9", Goodbye::Reason::kVersion, ""}) ==
          "peer 10.0.0.9 refused (no common version)");
}

TEST_CASE("health changes name their cause and their witnesses") {
  using Cause = HealthChanged::Cause;
  REQUIRE(Line(HealthChanged{Cause::kSilence, kP1, Health::kOnline, Health::kPfail, {}, 0}) ==
          "p1 PFAIL (silence)");
  REQUIRE(Line(HealthChanged{Cause::kCrashEvidence, kP1, Health::kOnline, Health::kPfail, {}, 0}) ==
          "p1 PFAIL (crash evidence)");
  REQUIRE(Line(HealthChanged{Cause::kReports, kP1, Health::kPfail, Health::kFail, {kP2, kP3}, 2}) ==
          "p1 FAIL (reports 2 of 2: p2 p3)");
  REQUIRE(Line(HealthChanged{Cause::kNotice, kP1, Health::kPfail, Health::kFail, {kP2, kP3}, 2}) ==
          "p1 FAIL (notice: p2 p3)");
  REQUIRE(Line(HealthChanged{Cause::kAnswered, kP1, Health::kFail, Health::kOnline, {}, 0}) ==
          "p1 online (answers)");
  REQUIRE(Line(SuspicionHeard{kP2, kP1, true}) == "p2 suspects p1");
  REQUIRE(Line(SuspicionHeard{kP2, kP1, false}) == "p2 no longer suspects p1");
}

TEST_CASE("role changes name the role, the cause and what follows from it") {
  using Cause = RoleChanged::Cause;
  REQUIRE(Line(RoleChanged{Cause::kElected, kR1, Role::kPrimary, {}, false, {7}}) ==
          "r1 is primary (elected, config epoch 7)");
  REQUIRE(Line(RoleChanged{Cause::kReplaced, kP1, Role::kReplica, kR1, false, {7}}) ==
          "p1 is replica of r1 (replaced)");
  REQUIRE(Line(RoleChanged{Cause::kPrimaryReplaced, kP2, Role::kReplica, kR1, false, {7}}) ==
          "p2 is replica of r1 (primary replaced)");
  REQUIRE(Line(RoleChanged{Cause::kCommand, kP2, Role::kReplica, kP1, true, {}}) ==
          "p2 is replica of p1 (command, shard changed)");
}

TEST_CASE("rebound slots print as ranges for each pair of owners") {
  SlotsRebound event;
  const auto move = [&](int first, int last, std::optional<NodeId> from, const NodeId& to) {
    for (int s = first; s <= last; ++s) {
      event.changes.push_back({SlotId{static_cast<uint16_t>(s)}, from, to});
    }
  };
  REQUIRE(Line(event) == "slots unchanged");
  move(0, 5460, kP1, kR1);
  REQUIRE(Line(event) == "slots 0-5460 p1 -> r1");
  move(5461, 5461, std::nullopt, kP2);
  move(6000, 6001, kP1, kR1);
  REQUIRE(Line(event) == "slots 0-5460 6000-6001 p1 -> r1, 5461 unbound -> p2");
}

TEST_CASE("state and epoch changes print with their reason") {
  REQUIRE(Line(ClusterStateChanged{ClusterState::kOk, DownReason::kNone}) == "cluster state ok");
  REQUIRE(Line(ClusterStateChanged{ClusterState::kFail, DownReason::kSlotUncovered}) ==
          "cluster state fail (slot uncovered)");
  using Cause = ConfigEpochChanged::Cause;
  REQUIRE(Line(ConfigEpochChanged{Cause::kElection, {3}, {7}, {}}) ==
          "config epoch 3 -> 7 (election)");
  REQUIRE(Line(ConfigEpochChanged{Cause::kCollision, {3}, {4}, kP2}) ==
          "config epoch 3 -> 4 (collision with p2)");
}

TEST_CASE("an election can be followed line by line") {
  using How = ElectionEnded::How;
  REQUIRE(Line(ElectionNotEligible{Ineligible::kDataTooOld}) == "may not stand: data too old");
  REQUIRE(Line(ElectionNotEligible{Ineligible::kNone}) == "may stand");
  REQUIRE(Line(ElectionScheduled{absl::ZeroDuration(), 0, {{3}, 120, true}}) ==
          "election scheduled in 0ms, rank 0, progress 3/120");
  REQUIRE(Line(ElectionScheduled{absl::Milliseconds(712), 1, {{3}, 120, true}}) ==
          "election scheduled in 712ms, rank 1, progress 3/120");
  REQUIRE(Line(ElectionStarted{{7}, 2}) == "election epoch 7 started, needs 2");
  REQUIRE(Line(ElectionEnded{How::kWon, {7}, 2, 2}) == "election epoch 7 won with 2 of 2");
  REQUIRE(Line(ElectionEnded{How::kTimeout, {7}, 1, 2}) ==
          "election epoch 7 lost with 1 of 2: timeout");
  REQUIRE(Line(ElectionEnded{How::kRefused, {7}, 0, 2}) ==
          "election epoch 7 lost with 0 of 2: refused");
  REQUIRE(Line(ElectionEnded{How::kPrimaryBack, {7}, 1, 2}) ==
          "election epoch 7 given up with 1 of 2: primary is back");
  REQUIRE(Line(ElectionEnded{How::kOvertaken, {7}, 1, 2}) ==
          "election epoch 7 given up with 1 of 2: overtaken");
  REQUIRE(Line(VoteDenied{kP2, {7}, VoteRefusal::kRoundOpen}) ==
          "p2 refused our epoch 7: round open");
  REQUIRE(Line(VoteCast{kR1, {}, {7}, VoteRefusal::kNone}) == "voted for r1, epoch 7");
  REQUIRE(Line(VoteCast{kR1, {}, {7}, VoteRefusal::kPrimaryAnswers}) ==
          "refused r1, epoch 7: primary answers");
}

TEST_CASE("events about the host print as one line each") {
  REQUIRE(Line(HostStalled{true}) == "host stalled");
  REQUIRE(Line(HostStalled{false}) == "host is back");
  REQUIRE(Line(DataGuardChanged{true, kR1}) == "data missing, not serving, asked r1 to stand");
  REQUIRE(Line(DataGuardChanged{true, {}}) == "data missing, not serving");
  REQUIRE(Line(DataGuardChanged{false, {}}) == "data guard ended");
  REQUIRE(Line(Halted{absl::DataLossError("disk\nfull")}) == "halted: DATA_LOSS: disk\\nfull");
}

TEST_CASE("heartbeats print what they carry") {
  Message ping{PrimaryHeader(), Beat(Heartbeat::Kind::kPing)};
  REQUIRE(Line(ping) == "PING epoch=6 config=1 claim=digest gossip=0");
  ping.header.claim = Slots(0, 5460);
  std::get<Heartbeat>(ping.body).gossip.resize(3);
  REQUIRE(Line(ping) == "PING epoch=6 config=1 claim=full gossip=3");
  ping.header.claim.reset();
  ping.header.claim_digest = 0;
  ping.header.no_failover = ping.header.data_missing = true;
  REQUIRE(Line(ping) == "PING epoch=6 config=1 claim=none no-failover data-missing gossip=3");
  Message pong{ReplicaHeader(), Beat(Heartbeat::Kind::kPong)};
  REQUIRE(Line(pong) == "PONG epoch=6 config=1 replica-of=p1 gossip=0");
  std::get<Heartbeat>(pong.body).withholds_lease = true;
  REQUIRE(Line(pong) == "PONG epoch=6 config=1 replica-of=p1 gossip=0 no-lease");
}

TEST_CASE("each other message prints its content") {
  const Header primary = PrimaryHeader();
  const Header replica = ReplicaHeader();
  const std::string from_primary = " epoch=6 config=1 claim=digest";
  const std::string from_replica = " epoch=6 config=1 replica-of=p1";
  REQUIRE(Line(Message{primary, SuspicionReport{{{kP2, true}, {kP3, false}, {kR1, true}}}}) ==
          "SUSPICION" + from_primary + " suspects=p2,r1 cleared=p3");
  REQUIRE(Line(Message{primary, FailNotice{kP1, {kP2, kP3}}}) ==
          "FAIL" + from_primary + " subject=p1 reporters=p2,p3");
  REQUIRE(Line(Message{replica, ProgressReport{kP1, true}}) ==
          "PROGRESS" + from_replica + " primary=p1 progress=3/120 final");
  REQUIRE(Line(Message{
              replica,
              FailoverAuthRequest{{7}, kP1, {1}, Slots(0, 5460), absl::Milliseconds(250), true}}) ==
          "AUTH-REQ" + from_replica +
              " election=7 primary=p1 claim-epoch=1 slots=0-5460 round=250ms progress=3/120"
              " consent");
  REQUIRE(Line(Message{primary, FailoverAuthAck{{}, {7}}}) ==
          "AUTH-ACK" + from_primary + " election=7");
  REQUIRE(Line(Message{
              primary,
              FailoverAuthRefusal{{}, {7}, VoteRefusal::kRoundOpen, absl::Milliseconds(40)}}) ==
          "AUTH-REFUSAL" + from_primary + " election=7 (round open) retry-after=40ms");
  REQUIRE(Line(Message{replica, FailoverAuthWithdraw{{}, {7}}}) ==
          "AUTH-WITHDRAW" + from_replica + " election=7");
  SlotSet slots = Slots(0, 5460);
  slots.Add(SlotId{7000});
  REQUIRE(Line(Message{primary, SlotUpdate{kR1, {}, {7}, slots}}) ==
          "UPDATE" + from_primary + " owner=r1 owner-epoch=7 slots=0-5460,7000");
  REQUIRE(Line(Message{primary, StandRequest{}}) == "STAND" + from_primary);
}

TEST_CASE("text from a peer cannot break out of its line") {
  Hello hello;
  hello.sender = kP1;
  hello.cluster_name = "a\nb";
  REQUIRE(Line(hello) == "HELLO from p1 cluster=\"a\\nb\" version=1-1 features=31");
  REQUIRE(Line(Goodbye{Goodbye::Reason::kProtocol, std::string("\x1b[2J")}) ==
          "GOODBYE (protocol error) \\x1b[2J");
  REQUIRE(Line(Goodbye{Goodbye::Reason::kLimit, std::string(5000, 'x')}).size() < 300);
}

TEST_CASE("without names nodes print as the first digits of their ids") {
  REQUIRE(Describe(Event(NodeRemoved{Id(0xab), {}})) == "ab000000 removed");
}

TEST_CASE("route decisions print with their reason") {
  REQUIRE(Describe(RouteDecision(Serve{})) == "serve");
  REQUIRE(Describe(RouteDecision(CrossSlot{})) == "cross slot");
  REQUIRE(Describe(RouteDecision(Moved{{866}, kP2, {"10.0.0.2", 7000}})) ==
          "moved slot 866 to 10.0.0.2:7000");
  using Why = ClusterDown::Why;
  const auto down = [](Why why) { return Describe(RouteDecision(ClusterDown{why, {866}})); };
  REQUIRE(down(Why::kSlotUnbound) == "cluster down, slot 866 (unbound)");
  REQUIRE(down(Why::kState) == "cluster down, slot 866 (state fail)");
  REQUIRE(down(Why::kWritesRefused) == "cluster down, slot 866 (state fail, reads only)");
  REQUIRE(down(Why::kLeaseLapsed) == "cluster down, slot 866 (lease lapsed)");
  REQUIRE(down(Why::kDataMissing) == "cluster down, slot 866 (data missing)");
}

}  // namespace
}  // namespace clusterkit
