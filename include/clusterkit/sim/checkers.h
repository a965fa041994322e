// What must hold at every step of a run: small classes fed with what nodes send, save and say.
//
// Each keeps what it needs of the past and writes down violations. All but Checkers know nothing
// of the simulator, so that a violation can be planted in each (tests/sim/checkers_test.cc), and
// so that they can watch nodes that run elsewhere.

#ifndef CLUSTERKIT_SIM_CHECKERS_H_
#define CLUSTERKIT_SIM_CHECKERS_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "clusterkit/cluster_view.h"
#include "clusterkit/event.h"
#include "clusterkit/message.h"
#include "clusterkit/options.h"
#include "clusterkit/persistent_state.h"
#include "clusterkit/sim/cluster.h"
#include "clusterkit/time.h"
#include "clusterkit/types.h"

namespace clusterkit::sim {

// A broken rule, in words. A rule keeps its name; a run is repeated and shortened by it.
struct Violation {
  std::string rule;
  std::string text;
};
using Violations = std::vector<Violation>;

class Checker {
 public:
  explicit Checker(std::string rule) : rule_(std::move(rule)) {}
  virtual ~Checker() = default;
  const std::string& rule() const { return rule_; }
  // The first of them; what is broken once is often broken many times.
  const Violations& violations() const { return violations_; }
  // How often there was something to check. A checker that saw nothing proves nothing.
  uint64_t seen() const { return seen_; }

  // For texts: what to call a node, and what to say of when. Without them: its id, and nothing.
  using NameOf = std::function<std::string(const NodeId&)>;
  using TimeNow = std::function<std::string()>;
  void SetNames(NameOf name_of, TimeNow time_now);
  // What follows was brought about by somebody who may: violations count no more from now on.
  void Excuse() { excused_ = true; }

 protected:
  void Saw() { ++seen_; }
  std::string Who(const NodeId& id) const;
  void Report(std::string text);

 private:
  static constexpr size_t kMostKept = 20;
  const std::string rule_;
  NameOf name_of_;
  TimeNow time_now_;
  bool excused_ = false;
  uint64_t seen_ = 0;
  Violations violations_;
};

// A voter acknowledges at most one candidate of a shard in an epoch, also across restarts.
class OneVotePerEpoch : public Checker {
 public:
  OneVotePerEpoch() : Checker("one-vote-per-epoch") {}
  void OnAck(const NodeId& voter, const ShardId& shard, Epoch epoch, const NodeId& candidate);
  // An operator gave it an old state file.
  void OnRestored(const NodeId& voter);

 private:
  std::map<std::tuple<NodeId, ShardId, Epoch>, NodeId> granted_;
};

// A shard has at most one winner in an epoch.
class OneWinner : public Checker {
 public:
  OneWinner() : Checker("one-winner") {}
  void OnWin(const NodeId& winner, const ShardId& shard, Epoch epoch);

 private:
  std::map<std::pair<ShardId, Epoch>, NodeId> winners_;
};

// What an identity has made durable never goes back: its current epoch, its config epoch as a
// primary, and its votes: each shard it voted in has a later vote, or is below the floor.
class EpochsNeverGoBack : public Checker {
 public:
  EpochsNeverGoBack() : Checker("epochs-never-go-back") {}
  void OnDurable(const PersistentState& state);
  // An operator gave it an old state file.
  void OnRestored(const NodeId& id) { marks_.erase(id); }

 private:
  struct Marks {
    Epoch current, config, floor;
    bool ledger = false;
    std::map<ShardId, Epoch> votes;
  };
  std::map<NodeId, Marks> marks_;
};

// Nothing leaves before what it rests on is durable: a vote, a candidate's epoch, a primary's
// config epoch. (The current epoch in a header promises nothing.)
class DurableBeforeSent : public Checker {
 public:
  DurableBeforeSent() : Checker("durable-before-sent") {}
  void OnDurable(const PersistentState& state);
  void OnHeader(const Header& header);
  void OnRequest(const NodeId& candidate, Epoch epoch);
  void OnAck(const NodeId& voter, const ShardId& shard, Epoch epoch, const NodeId& candidate);

 private:
  struct Durable {
    Epoch current, config;
    std::map<ShardId, VoteRecord> votes;
  };
  std::map<NodeId, Durable> durable_;
};

// In a view, a slot of somebody else moves only to a greater config epoch, unless its owner had
// stopped claiming it.
class SlotsMoveUp : public Checker {
 public:
  SlotsMoveUp() : Checker("slots-move-up") {}
  // `before`: the observer's view before the input that moved the slots; `after`: the one that
  // shows them moved.
  void OnRebound(const NodeId& observer, const SlotsRebound& rebound, const ClusterView& before,
                 const ClusterView& after);
};

// FAIL is concluded only from reports of a majority of voters, all heard within the validity of
// reports, or from a notice that lists such a majority.
class FailNeedsMajority : public Checker {
 public:
  FailNeedsMajority() : Checker("fail-needs-majority") {}
  // All times are the observer's.
  void OnReport(const NodeId& observer, const NodeId& reporter, const NodeId& subject,
                bool suspected, Instant now);
  void OnNotice(const NodeId& observer, const FailNotice& notice, Instant now);
  // FAIL is concluded now, or a little earlier, from the reports that are fresh. The event may
  // follow much later: it waits for the disk.
  void OnConcluded(const NodeId& observer, const NodeId& subject, absl::Duration validity,
                   Instant now);
  // `electorates`: sets of voters, one of which it went by.
  void OnFail(const NodeId& observer, const HealthChanged& change,
              const std::vector<std::vector<NodeId>>& electorates);
  // What proved a failure proves nothing of the next one. A notice of a moment ago may be of the
  // next: events wait for the disk.
  void OnOnline(const NodeId& observer, const NodeId& subject, Instant now);
  void OnStart(const NodeId& observer);  // A new process remembers no reports.

 private:
  struct Heard {
    std::map<std::pair<NodeId, NodeId>, Instant> reports;  // (subject, reporter): when.
    std::map<NodeId, std::set<NodeId>> concluded;          // Subject: who was fresh then.
    struct Notice {
      Instant at;
      std::set<NodeId> reporters;
    };
    std::map<NodeId, std::vector<Notice>> notices;
  };
  std::map<NodeId, Heard> heard_;
};

// A primary may serve no longer than the lease after a moment at which it sent what a majority of
// voters answered: cut off from them, it stops.
class LeaseNeedsMajority : public Checker {
 public:
  LeaseNeedsMajority() : Checker("lease-needs-majority") {}
  // All times are the primary's. `sent`: of the ping or request that this answers.
  void OnAnswer(const NodeId& primary, const NodeId& voter, Instant sent);
  // A vote supports the winner for a round, and counts as if what it answers had been sent so much
  // earlier.
  void OnRequest(const NodeId& candidate, Epoch epoch, absl::Duration round, absl::Duration lease,
                 Instant now);
  void OnVote(const NodeId& candidate, const NodeId& voter, Epoch epoch);
  // The lease grew to `until` while the voters were one of these sets, or something between them:
  // a node goes by what it knows, which may be on its way to the disk and not published yet.
  using Voters = std::vector<NodeId>;
  void OnLease(const NodeId& primary, Instant until, const std::vector<Voters>& voters,
               absl::Duration lease, Instant now);

 private:
  struct Answers {
    std::map<NodeId, Instant> sent;
    std::map<Epoch, Instant> requests;
  };
  static std::optional<Instant> AnsweredBy(size_t majority, const NodeId& primary,
                                           const Answers& answers, const Voters& voters,
                                           Instant now);

  std::map<NodeId, Answers> answers_;
};

// No replica stands, let alone wins, that never had a complete copy.
class CandidateIsSynced : public Checker {
 public:
  CandidateIsSynced() : Checker("candidate-is-synced") {}
  // `truth`: what its data really is, not what it says.
  void OnRequest(const NodeId& candidate, Epoch epoch, const Progress& truth);
};

// A voter does not vote for a candidate while it knows of a sibling that can stand and has more,
// unless it has refused for that reason for long enough: 4 rank units and a round.
class FreshestIsPreferred : public Checker {
 public:
  FreshestIsPreferred() : Checker("freshest-is-preferred") {}
  // What a voter was told of a replica's progress. `final_for`: it ends under this primary.
  void OnProgress(const NodeId& voter, const NodeId& replica, const Progress& progress,
                  std::optional<NodeId> final_for);
  void OnRefusal(const NodeId& voter, const ShardId& shard, const NodeId& primary, Instant now);
  // A request reaches the voter, whose view this is: what it knows now is what it decides by. That
  // it voted shows only when the vote is durable.
  void OnRequest(const ClusterView& view, const NodeId& candidate, const ShardId& shard,
                 const NodeId& primary, const Progress& progress);
  // `patience`: for how long it has to refuse. `now`: when the request came.
  void OnVote(const NodeId& voter, const NodeId& candidate, const ShardId& shard,
              const NodeId& primary, absl::Duration patience, Instant now);
  void OnPrimaryBack(const NodeId& voter, const NodeId& primary);
  void OnStart(const NodeId& voter);

 private:
  struct Told {
    Progress progress;
    std::optional<NodeId> final_for;
  };
  std::map<NodeId, std::map<NodeId, Told>> told_;
  // (voter, candidate): who was known to have more, in words.
  std::map<std::pair<NodeId, NodeId>, std::vector<std::string>> fresher_;
  std::map<std::tuple<NodeId, ShardId, NodeId>, Instant> first_refusal_;
};

// At no time may two nodes serve the same slot: leases of primaries that follow each other do not
// overlap. (Where hosts check ClusterView::serve_until, as they have to.)
class OneServer : public Checker {
 public:
  OneServer() : Checker("one-server") {}
  struct Server {
    NodeId node;
    SlotSet slots;
  };
  // All that may serve at this moment.
  void OnServers(Instant now, const std::vector<Server>& servers);
  // How long any slot had two servers, as sampled.
  absl::Duration doubled() const { return doubled_; }

 private:
  std::optional<Instant> doubled_since_;
  absl::Duration doubled_;
};

// Gossip does not bring back a node that was forgotten, for the length of the ban.
class ForgottenStay : public Checker {
 public:
  ForgottenStay() : Checker("forgotten-stay") {}
  // All times are the observer's.
  void OnForgotten(const NodeId& observer, const NodeId& node, absl::Duration ban, Instant now);
  void OnAdded(const NodeId& observer, const NodeAdded& added, Instant now);
  void OnStart(const NodeId& observer);  // Bans end with the process.

 private:
  std::map<std::pair<NodeId, NodeId>, Instant> until_;
};

// All of them on a cluster.
class Checkers {
 public:
  // What a node's data really is; null: CandidateIsSynced is not checked.
  using Truth = std::function<Progress(const Name&)>;

  // Both must live until the cluster is not advanced any more. Before the first node is added.
  void Attach(Cluster& cluster, Truth truth = nullptr);
  // How violations tell the time; at first, the cluster's.
  void SetTime(const Checker::TimeNow& time_now);
  // Looks at who serves now. Called at each event anyway; call it often for exact lengths.
  void Sample();
  // An operator moved slots behind the back of the data plane: two nodes may serve one for a while.
  // It is measured still.
  void ExcuseDoubleServing() { one_server.Excuse(); }
  // An operator gave a node an old state file, and with it took epochs and votes away from it. Who
  // won because of that, and who serves, is not promised any more.
  void OnRestored(const Name& name);

  Violations violations() const;
  std::vector<const Checker*> all() const;

  OneVotePerEpoch one_vote;
  OneWinner one_winner;
  EpochsNeverGoBack epochs;
  DurableBeforeSent durable;
  SlotsMoveUp slots;
  FailNeedsMajority fail;
  LeaseNeedsMajority lease;
  CandidateIsSynced synced;
  FreshestIsPreferred freshest;
  OneServer one_server;
  ForgottenStay forgotten;

 private:
  std::vector<Checker*> List();
  void OnSent(const Cluster::TracedFrame& traced);
  void OnDelivered(const Cluster::TracedFrame& traced);
  void OnEvent(const Cluster::TracedEvent& traced);
  void OnVoteCast(const Name& voter, const VoteCast& vote);
  void Watch(const Name& name);

  Cluster* cluster_ = nullptr;
  Truth truth_;
  // A set of voters, and until when a node may have gone by it: a while longer than it showed it.
  struct Electorate {
    LeaseNeedsMajority::Voters voters;
    Instant until = Instant::InfiniteFuture();
  };
  // A lease has grown. It is checked a moment later, when what the node knew is published.
  struct Growth {
    NodeId primary;
    Instant until, at;  // On the node's clock.
    Instant seen;       // On the simulation's, like all below.
    std::vector<LeaseNeedsMajority::Voters> voters;
  };
  struct Watched {
    std::shared_ptr<const ClusterView> last, before;  // When we last looked, and what differed.
    std::vector<Electorate> electorates;              // The last is the one of `last`.
    Instant until = Instant::InfinitePast();          // The lease.
    Instant slow_until = Instant::InfinitePast();     // What it knows may be far from published.
    std::deque<Growth> growths;
  };
  std::vector<LeaseNeedsMajority::Voters> Electorates(Watched& watched) const;
  void CheckLeases(const Node& node, Watched& watched, bool electorate_changed, Instant now);
  std::map<Name, Watched> watched_;

  struct Served {
    std::shared_ptr<const ClusterView> view;
    SlotSet slots;
  };
  std::map<Name, Served> served_;  // Own slots, by the last view.
  // The last request that a voter was given by a candidate.
  struct Asked {
    FailoverAuthRequest request;
    Instant at;
  };
  std::map<std::pair<NodeId, NodeId>, Asked> requests_;
};

}  // namespace clusterkit::sim

#endif  // CLUSTERKIT_SIM_CHECKERS_H_
