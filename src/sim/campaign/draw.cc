// What goes wrong, and when: a script from a seed.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "clusterkit/random.h"
#include "clusterkit/sim/fault_script.h"
#include "clusterkit/slot.h"

namespace clusterkit::sim {
namespace {

constexpr int kMostShards = 8, kMostShardsOfLarge = 50;
constexpr int kMostReplicas = 3;

// Draws the steps of one script. A fault is drawn together with its end; one in eight goes on
// until the calm, which ends everything.
class Drawing {
 public:
  Drawing(uint64_t seed, const DrawOptions& options) : rng_(seed), options_(options), seed_(seed) {}

  FaultScript Draw() {
    DrawShape();
    DrawKinds();
    script_.cluster = ClusterLine();
    const std::vector<Strike> strikes = Strikes();
    // Some clusters are hit all the time, others now and then.
    const absl::Duration gap = rng_.Between(absl::Milliseconds(200), absl::Seconds(3));
    for (at_ = absl::ZeroDuration(); at_ < options_.length;
         at_ += rng_.Between(absl::Milliseconds(1), gap)) {
      (this->*strikes[rng_.Below(strikes.size())])();
    }
    if (rng_.Chance(250)) {
      const absl::Duration quiet = rng_.Between(absl::ZeroDuration(), options_.length);
      std::erase_if(script_.steps, [&](const auto& step) { return step.at >= quiet; });
      script_.steps.push_back({quiet, "settle"});
    }
    std::stable_sort(script_.steps.begin(), script_.steps.end(),
                     [](const auto& a, const auto& b) { return a.at < b.at; });
    return std::move(script_);
  }

  static const std::vector<FaultKind>& Kinds();

 private:
  using Strike = void (Drawing::*)();
  struct Entry {
    FaultKind kind;
    Strike strike;
  };
  static const std::vector<Entry>& Table();

  // --- The cluster ---------------------------------------------------------------------------
  void DrawShape() {
    large_ = options_.large && rng_.Chance(50);
    const int most = large_ ? kMostShardsOfLarge : std::min(kMostShards, options_.most_nodes);
    primaries_ = rng_.Chance(600) && !large_ ? 3 + static_cast<int>(rng_.Below(3))
                                             : 1 + static_cast<int>(rng_.Below(Size(most)));
    // Really large ones cost as much as hundreds of others.
    if (large_ && rng_.Chance(700)) primaries_ = std::min(primaries_, 9 + primaries_ % 8);
    primaries_ = std::min(primaries_, most);
    replicas_ = static_cast<int>(rng_.Below(Size(primaries_ * kMostReplicas + 1)));
    const int room = std::max(0, options_.most_nodes - primaries_);
    replicas_ = large_ ? std::min(replicas_, primaries_) : std::min(replicas_, room);
    if (large_ || !rng_.Chance(250)) return;
    vote_always_ = rng_.Chance(700);
    witnesses_ = static_cast<int>(rng_.Below(3));
    // The smallest cluster that survives the loss of any node.
    if (!rng_.Chance(300)) return;
    primaries_ = replicas_ = witnesses_ = 1;
    vote_always_ = true;
  }

  void DrawKinds() {
    for (const Entry& entry : Table()) {
      const auto& wanted = options_.kinds;
      if (wanted.empty() ||
          std::find(wanted.begin(), wanted.end(), entry.kind.name) != wanted.end()) {
        entries_.push_back(&entry);
      }
    }
    if (!options_.kinds.empty() || rng_.Chance(300)) return;
    const size_t few = rng_.Chance(500) ? 1 : 2 + rng_.Below(5);
    while (entries_.size() > few) {
      entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(rng_.Below(entries_.size())));
    }
  }

  std::string ClusterLine() {
    const absl::Duration node_timeout = rng_.Between(absl::Milliseconds(500), absl::Seconds(2));
    std::vector<std::string> kinds;
    for (const Entry* entry : entries_) kinds.push_back(entry->kind.name);
    const auto on = [&](const char* name, uint32_t per_mille) {
      return absl::StrCat(" ", name, rng_.Chance(per_mille) ? "=on" : "=off");
    };
    std::string line =
        absl::StrCat("cluster seed=", seed_, " primaries=", primaries_, " replicas=", replicas_);
    if (witnesses_ > 0) absl::StrAppend(&line, " witnesses=", witnesses_);
    if (vote_always_) absl::StrAppend(&line, " voting=always");
    absl::StrAppend(&line, on("uneven", 500), on("preloaded", large_ ? 1000 : 800));
    absl::StrAppend(&line, " node-timeout=", Ms(node_timeout),
                    " latency=", Ms(rng_.Between(absl::Milliseconds(1), absl::Milliseconds(5))),
                    " jitter=", Ms(rng_.Between(absl::ZeroDuration(), absl::Milliseconds(20))),
                    " drift=", rng_.Below(1001));
    absl::StrAppend(&line, on("crash-evidence", 700), on("full-coverage", 500),
                    on("migration", 700), " barrier=", rng_.Below(3),
                    " faults=", absl::StrJoin(kinds, ","));
    node_timeout_ = node_timeout;
    return line;
  }

  std::vector<Strike> Strikes() const {
    std::vector<Strike> strikes;
    for (const Entry* entry : entries_) strikes.push_back(entry->strike);
    return strikes;
  }

  // --- Parts of steps --------------------------------------------------------------------------
  static uint64_t Size(int n) { return static_cast<uint64_t>(n); }
  static std::string Ms(absl::Duration d) {
    return absl::StrCat(absl::ToInt64Milliseconds(d), "ms");
  }
  std::string Any() {
    const std::vector<std::string> names = Everybody();
    return names[rng_.Below(names.size())];
  }
  std::vector<std::string> Everybody() const {
    std::vector<std::string> names;
    for (int i = 1; i <= primaries_; ++i) names.push_back(absl::StrCat("p", i));
    for (int i = 1; i <= replicas_; ++i) names.push_back(absl::StrCat("r", i));
    for (int i = 1; i <= witnesses_; ++i) names.push_back(absl::StrCat("w", i));
    return names;
  }
  std::pair<std::string, std::string> Pair() {
    const std::string a = Any();
    std::string b = Any();
    for (int i = 0; i < 8 && a == b; ++i) b = Any();
    return {a, b};
  }
  std::string Slots() {
    const int first = static_cast<int>(rng_.Below(kSlotCount));
    const int length = rng_.Chance(500) ? 1 : 1 + static_cast<int>(rng_.Below(2000));
    return absl::StrCat(first, "-", std::min(first + length, int{kSlotCount}) - 1);
  }
  // From a blink to as long as it takes, with as many short ones as long ones.
  absl::Duration Length() {
    const absl::Duration scale = absl::Milliseconds(10) * (int64_t{1} << rng_.Below(11));
    return rng_.Between(scale / 2, scale);
  }
  void Now(std::string line) { After(absl::ZeroDuration(), std::move(line)); }
  void After(absl::Duration delay, std::string line) {
    script_.steps.push_back({absl::Trunc(at_ + delay, absl::Microseconds(1)), std::move(line)});
  }
  void Later(std::string line) {
    if (!rng_.Chance(125)) After(Length(), std::move(line));
  }

  // --- Links -----------------------------------------------------------------------------------
  void Partition() {
    const uint64_t groups = rng_.Chance(700) ? 2 : 3;
    std::vector<std::vector<std::string>> sides(groups);
    for (const std::string& name : Everybody()) sides[rng_.Below(groups)].push_back(name);
    std::vector<std::string> texts;
    for (const auto& side : sides) texts.push_back(absl::StrJoin(side, " "));
    Now(absl::StrCat("partition {", absl::StrJoin(texts, " | "), "}"));
    Later("heal");
  }
  void OneWay() {
    const auto [a, b] = Pair();
    Now(absl::StrCat("cut ", a, " ", b));
    Later(absl::StrCat("faults ", a, " ", b));
  }
  void Partial() {
    const auto [a, b] = Pair();
    Now(absl::StrCat("split ", a, " ", b));
    const absl::Duration length = Length();
    After(length, absl::StrCat("faults ", a, " ", b));
    After(length, absl::StrCat("faults ", b, " ", a));
  }
  void LinkFault(const std::string& what) {
    const auto [a, b] = Pair();
    Now(absl::StrCat("faults ", a, " ", b, " ", what));
    Later(absl::StrCat("faults ", a, " ", b));
  }
  void Latency() {
    const std::string latency = Ms(rng_.Between(absl::ZeroDuration(), node_timeout_));
    LinkFault(absl::StrCat("latency=", latency,
                           " jitter=", Ms(rng_.Between(absl::ZeroDuration(), node_timeout_ / 2))));
  }
  void Stall() { LinkFault("stalled=on"); }
  void Refuse() { LinkFault("refused=on"); }
  void Resets() {
    if (rng_.Chance(200)) {
      const auto [a, b] = Pair();
      static const char* const kDirections[] = {"", " to", " from"};
      return Now(absl::StrCat("kill-links ", a, " ", b, kDirections[rng_.Below(3)]));
    }
    if (rng_.Chance(500)) return LinkFault(absl::StrCat("reset-per-mille=", 1 + rng_.Below(300)));
    const auto [a, b] = Pair();
    Now(absl::StrCat("reset-links ", a, " ", b));
  }

  // --- Machines --------------------------------------------------------------------------------
  void Pause() {
    const std::string name = Any();
    Now("pause " + name);
    Later("resume " + name);
  }
  void Suspend() {
    const std::string name = Any();
    Now("suspend " + name);
    Later("resume " + name);
  }
  void HostStall() {
    const std::string name = Any();
    Now(absl::StrCat("host-alive ", name, " off"));
    Later(absl::StrCat("host-alive ", name, " on"));
  }
  void Crash() {
    const std::string name = Any();
    Now("crash " + name);
    Later("restart " + name);
  }
  void PowerCut() {
    const std::string name = Any();
    Now(absl::StrCat("crash ", name, " lose", rng_.Chance(700) ? " host-gone" : ""));
    Later("restart " + name);
  }
  void LoseData() {
    const std::string name = Any();
    Now("crash " + name);
    Now(absl::StrCat("data ", name, " missing"));
    Later("restart " + name);
  }
  // The rest leave something behind, so their ends are never left out.
  void EmptyDisk() {
    const std::string name = Any();
    Now(absl::StrCat("crash ", name, " lose"));
    Now("wipe " + name);
    After(Length(), "restart " + name);
  }
  void DamagedFile() {
    const std::string name = Any();
    Now("backup " + name);
    Now("crash " + name);
    Now("damage " + name);
    Now("restart " + name);
    const absl::Duration length = Length();
    After(length, rng_.Chance(500) ? "restore " + name : "wipe " + name);
    After(length, "restart " + name);
  }
  void OldFile() {
    const std::string name = Any();
    Now("backup " + name);
    const absl::Duration length = Length();
    After(length, "crash " + name);
    After(length, "restore " + name);
    After(length + Length(), "restart " + name);
  }
  void SlowDisk() {
    const std::string name = Any();
    Now(absl::StrCat("disk ", name,
                     " sync=", Ms(rng_.Between(absl::ZeroDuration(), node_timeout_))));
    Later("disk " + name);
  }
  void FailingDisk() {
    const std::string name = Any();
    Now(absl::StrCat("disk ", name, " fail=on"));
    const absl::Duration length = Length();
    After(length, "disk " + name);
    After(length, "crash " + name);
    After(length, "restart " + name);
  }
  void Clock() {
    Now(absl::StrCat("clock ", Any(),
                     " ahead=", Ms(rng_.Between(absl::ZeroDuration(), absl::Hours(1))),
                     " drift=", static_cast<int64_t>(rng_.Below(2001)) - 1000));
  }
  void Addresses() {
    std::vector<std::string> names = Everybody();
    if (rng_.Chance(700)) names = {Any()};
    // Other addresses, or each other's.
    const bool exchanged = names.size() > 1 && rng_.Chance(500);
    for (const std::string& name : names) Now("crash " + name);
    if (exchanged) {
      Now("readdress " + absl::StrJoin(names, " "));
    } else {
      for (const std::string& name : names) Now("readdress " + name);
    }
    for (const std::string& name : names) After(Length() / 8, "restart " + name);
  }

  // --- Elections -------------------------------------------------------------------------------
  // The moments at which a vote or a lease hangs in the balance are too short to be hit by chance.
  void AtElection() {
    static const char* const kOccasions[] = {"vote", "vote", "election", "win"};
    const std::string back = Ms(rng_.Between(absl::Milliseconds(1), absl::Milliseconds(400)));
    std::string strike;
    switch (rng_.Below(6)) {
      case 0:
      case 1:
        strike = absl::StrCat("crash $node lose ; ", back, " restart $node");
        break;
      case 2:
        strike = absl::StrCat("pause $node ; ", back, " resume $node");
        break;
      case 3:
        strike = absl::StrCat("heal ; ", back, " crash $node ; 2s restart $node");
        break;
      case 4:
        strike = absl::StrCat("reset-links $node ", Any(), " ; ", back, " heal");
        break;
      default:
        strike = absl::StrCat("partition {$node ", Any(), " | ", Any(), "} ; ", back, " heal");
    }
    // An election needs a reason.
    const std::string victim = absl::StrCat("p", 1 + rng_.Below(Size(primaries_)));
    Now(absl::StrCat("arm ", kOccasions[rng_.Below(std::size(kOccasions))], " ", strike));
    if (rng_.Chance(500)) {
      Now("crash " + victim);
      After(rng_.Between(absl::Milliseconds(100), absl::Seconds(4)), "restart " + victim);
    } else {
      Now("pause " + victim);
      After(rng_.Between(node_timeout_, 3 * node_timeout_), "resume " + victim);
    }
  }

  // --- Operators -------------------------------------------------------------------------------
  void Slot() {
    Now(absl::StrCat(rng_.Chance(500) ? "delslots " : "addslots ", Any(), " ", Slots()));
  }
  void Import() { Now(absl::StrCat("import ", Any(), " ", Slots())); }
  // Two primaries, as at the beginning, and slots that the first probably owns.
  struct Journey {
    std::string from, to, slots;
  };
  Journey Between() {
    const uint64_t from = rng_.Below(Size(primaries_)), to = rng_.Below(Size(primaries_));
    const uint64_t share = kSlotCount / Size(primaries_);
    const uint64_t first = from * share + rng_.Below(share);
    const uint64_t length = rng_.Chance(500) ? 1 : 1 + rng_.Below(share);
    return {absl::StrCat("p", from + 1), absl::StrCat("p", to + 1),
            absl::StrCat(first, "-", std::min(first + length, (from + 1) * share) - 1)};
  }
  void Move() {
    const auto [a, b, slots] = Between();
    Now(absl::StrCat("move ", a, " ", slots, " ", b));
    if (rng_.Chance(200)) After(Length(), "cancel-move " + a);
  }
  // As redis-cli does it, and stops anywhere on the way.
  void MoveByHand() {
    const auto [a, b, slots] = Between();
    const std::vector<std::string> steps = {absl::StrCat("receive ", b, " ", slots, " ", a),
                                            absl::StrCat("export ", a, " ", slots, " ", b),
                                            absl::StrCat("bind ", b, " ", slots, " ", b),
                                            absl::StrCat("bind ", a, " ", slots, " ", b)};
    absl::Duration at;
    for (const std::string& step : steps) {
      if (rng_.Chance(50)) break;
      After(at, step);
      at += rng_.Between(absl::Milliseconds(1), absl::Milliseconds(200));
    }
    if (rng_.Chance(200)) After(at, absl::StrCat("stable ", a, " ", slots));
  }
  void Failover() {
    static const char* const kModes[] = {"", "", "", " force", " takeover"};
    Now(absl::StrCat("failover ", Any(), kModes[rng_.Below(std::size(kModes))]));
  }
  void HandOver() { Now("handover " + Any()); }
  void Stop() {
    const std::string name = Any();
    const absl::Duration within = Length();
    Now(absl::StrCat("stop ", name, " within=", Ms(within)));
    After(within + Length(), "crash " + name);
    After(within + Length() * 2, "restart " + name);
  }
  void Leave() { Now("leave " + Any()); }
  void Replicate() {
    const auto [a, b] = Pair();
    Now(absl::StrCat("replicate ", a, " ", b));
  }
  void Forget() {
    const auto [a, b] = Pair();
    if (rng_.Chance(500)) {
      Now(absl::StrCat("forget ", a, " ", b));
      return;
    }
    for (const std::string& name : Everybody()) Now(absl::StrCat("forget ", name, " ", b));
  }
  void Meet() {
    const auto [a, b] = Pair();
    Now(absl::StrCat("meet ", a, " ", b));
  }
  void Reset() { Now(absl::StrCat("reset ", Any(), rng_.Chance(500) ? " hard" : "")); }
  void Epochs() {
    Now(rng_.Chance(800) ? "bump " + Any()
                         : absl::StrCat("set-config-epoch ", Any(), " epoch=", 1 + rng_.Below(9)));
  }
  void Overrule() { Now("overrule " + Any()); }
  void Reconfigure() {
    static const char* const kOptions[] = {"full-coverage", "crash-evidence", "migration", "guard",
                                           "no-failover"};
    const std::string name = Any();
    if (rng_.Chance(300)) return ReconfigureNumber(name);
    const char* option = kOptions[rng_.Below(std::size(kOptions))];
    const bool on = rng_.Chance(500);
    Now(absl::StrCat("reconfigure ", name, " ", option, on ? "=on" : "=off"));
    After(Length(), absl::StrCat("reconfigure ", name, " ", option, on ? "=off" : "=on"));
  }

  // These need no undoing.
  void ReconfigureNumber(const std::string& name) {
    // Of several nodes at about the same time this is not safe.
    if (!std::exchange(voting_changed_, true) && !name.starts_with("w")) {
      const bool always = rng_.Chance(vote_always_ ? 200 : 800);
      return Now(absl::StrCat("reconfigure ", name, " voting=", always ? "always" : "with-slots"));
    }
    switch (rng_.Below(5)) {
      case 0:
        return Now(absl::StrCat("reconfigure ", name, " priority=", rng_.Below(200)));
      case 1:
        return Now(absl::StrCat("reconfigure ", name, " hostname=",
                                rng_.Chance(300) ? "" : absl::StrCat("h", rng_.Below(100))));
      case 2:
        return Now(absl::StrCat("reconfigure ", name, " name=n", rng_.Below(100), " tag=t",
                                rng_.Below(4), ":", rng_.Below(1000)));
      case 3:
        return Now(absl::StrCat("reconfigure ", name, " client-port=", 20000 + rng_.Below(1000)));
      default:
        return Now(absl::StrCat("reconfigure ", name, " ping-interval=",
                                Ms(rng_.Between(node_timeout_ / 10, node_timeout_ / 2))));
    }
  }

  Rng rng_;
  const DrawOptions& options_;
  const uint64_t seed_;
  int primaries_ = 3, replicas_ = 3, witnesses_ = 0;
  bool large_ = false, vote_always_ = false;
  bool voting_changed_ = false;
  absl::Duration node_timeout_, at_;
  std::vector<const Entry*> entries_;
  FaultScript script_;
};

const std::vector<Drawing::Entry>& Drawing::Table() {
  using D = Drawing;
  static const auto* table = new std::vector<Entry>{
      {{"partition", "groups of nodes that cannot reach each other"}, &D::Partition},
      {{"one-way-cut", "nothing arrives from one node at another"}, &D::OneWay},
      {{"partial-partition", "two nodes cannot reach each other, everybody else can"}, &D::Partial},
      {{"latency", "a slow and uneven link"}, &D::Latency},
      {{"stall", "bytes on a link wait"}, &D::Stall},
      {{"refuse", "new links to a node are refused"}, &D::Refuse},
      {{"reset", "links break"}, &D::Resets},
      {{"pause", "a process is stopped and goes on"}, &D::Pause},
      {{"suspend", "a machine is suspended and goes on"}, &D::Suspend},
      {{"host-stall", "a data thread hangs"}, &D::HostStall},
      {{"crash", "a process dies"}, &D::Crash},
      {{"power-cut", "a machine dies; what was not synced is lost"}, &D::PowerCut},
      {{"lose-data", "a process dies and comes back without its data"}, &D::LoseData},
      {{"empty-disk", "a machine comes back as a new node"}, &D::EmptyDisk},
      {{"damaged-file", "a state file cannot be read, then an old one or none"}, &D::DamagedFile},
      {{"old-file", "an old state file comes back"}, &D::OldFile},
      {{"slow-disk", "syncing takes long"}, &D::SlowDisk},
      {{"failing-disk", "saves fail, the node halts and is restarted"}, &D::FailingDisk},
      {{"clock", "a clock jumps ahead and drifts"}, &D::Clock},
      {{"addresses", "a node comes back at another address, or all of them do"}, &D::Addresses},
      {{"at-election", "a voter, candidate or winner is struck at that very moment"},
       &D::AtElection},
      {{"slots", "ADDSLOTS, DELSLOTS"}, &D::Slot},
      {{"import", "slots are taken over under a new epoch"}, &D::Import},
      {{"move", "slots move to another shard by themselves"}, &D::Move},
      {{"move-by-hand", "slots move step by step, and perhaps not to the end"}, &D::MoveByHand},
      {{"failover", "a replica is told to replace its primary"}, &D::Failover},
      {{"handover", "a primary hands over to a replica"}, &D::HandOver},
      {{"stop", "a node hands over, stops and comes back"}, &D::Stop},
      {{"leave", "a node hands over and leaves for good"}, &D::Leave},
      {{"replicate", "a node is told to follow another"}, &D::Replicate},
      {{"forget", "a node is forgotten, by one or by all"}, &D::Forget},
      {{"meet", "nodes are introduced again"}, &D::Meet},
      {{"reset-node", "a node forgets the cluster, and itself"}, &D::Reset},
      {{"epochs", "BUMPEPOCH, SET-CONFIG-EPOCH"}, &D::Epochs},
      {{"overrule", "the guard of missing data is overruled"}, &D::Overrule},
      {{"reconfigure", "options change at run time and back"}, &D::Reconfigure},
  };
  return *table;
}

const std::vector<FaultKind>& Drawing::Kinds() {
  static const auto* kinds = [] {
    auto* all = new std::vector<FaultKind>();
    for (const Entry& entry : Table()) all->push_back(entry.kind);
    return all;
  }();
  return *kinds;
}

}  // namespace

const std::vector<FaultKind>& FaultKinds() { return Drawing::Kinds(); }

FaultScript DrawScript(uint64_t seed, const DrawOptions& options) {
  return Drawing(seed, options).Draw();
}

}  // namespace clusterkit::sim
