// Elections: when a replica stands, when it has won, and when a voter votes.
//
// "Where is a vote granted?" -> ConsiderVote(); to oneself, VoteForSelf(). Differs from Redis:
// votes are per shard and not per epoch, rounds are short and known to the voters, refusals are
// answers, and the freshest replica need not wait. docs/protocol.md gives the reasons.

#ifndef CLUSTERKIT_FAILOVER_COORDINATOR_H_
#define CLUSTERKIT_FAILOVER_COORDINATOR_H_

#include <optional>
#include <set>
#include <variant>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "clusterkit/cluster_view.h"
#include "clusterkit/event.h"
#include "clusterkit/message.h"
#include "clusterkit/options.h"
#include "clusterkit/persistent_state.h"
#include "clusterkit/random.h"
#include "clusterkit/replication_status.h"
#include "clusterkit/time.h"
#include "clusterkit/types.h"
#include "clusterkit/vote_ledger.h"

namespace clusterkit {

// What the caller has to do for the candidate, in order.
struct ScheduleElection {
  absl::Duration delay;
  int rank = 0;
};
struct StartElection {  // Adopt the epoch, make it durable, then send the request to all voters.
  FailoverAuthRequest request;
  int needed = 0;
  ElectionStarted::Cause cause = ElectionStarted::Cause::kPrimaryFailed;
  // What came of asking ourselves; empty if we have no vote. If granted, the ledger has changed.
  std::optional<VoteRefusal> own_vote;
};
struct WithdrawElection {  // Tell the voters that this epoch no longer counts.
  Epoch epoch;
  ElectionEnded::How how = ElectionEnded::How::kTimeout;
  int votes = 0, needed = 0;
};
struct Promote {  // Won: take the primary's slots under this config epoch.
  Epoch epoch;
  NodeId primary;
  int votes = 0, needed = 0;
};
struct ReportIneligible {
  Ineligible reason = Ineligible::kNone;
};
using ElectionStep =
    std::variant<ScheduleElection, StartElection, WithdrawElection, Promote, ReportIneligible>;

// What a candidate that is a voter itself goes by; see ConsiderVote.
struct OwnVote {
  bool primary_answers = false;
  bool confirmed = true;
};

struct VoteDecision {
  VoteRefusal refusal = VoteRefusal::kNone;  // kNone: granted, the ledger has changed.
  absl::Duration retry_after;
  // With kStaleClaim: whose claim the candidate does not know yet.
  std::optional<NodeId> newer_owner;
};

// Thread-compatible. Spec: "Replica election and promotion".
class FailoverCoordinator {
 public:
  // `ledger` as loaded; empty on a first start or if the file had none.
  FailoverCoordinator(const Options& options, std::optional<VoteLedgerState> ledger);

  // --- Progress ------------------------------------------------------------------------------
  void OnOwnStatus(const ReplicationStatus& status, Instant now);
  // Of any other replica. `final_for`: it no longer grows under this primary. A later, different
  // progress takes that back.
  void OnProgress(const NodeId& node, const Progress& progress, std::optional<NodeId> final_for);
  void Untrack(const NodeId& node);

  // --- Candidate -----------------------------------------------------------------------------
  // Moves the election on. `current_epoch` is the greatest epoch known.
  std::vector<ElectionStep> Advance(const ClusterView& view, Epoch current_epoch, Instant now,
                                    Rng& rng, const OwnVote& own = {});
  // Our primary lost its data and asked us to replace it.
  void OnStandRequest(const NodeId& primary, Instant now);
  // It takes that back.
  void ForgetStandRequest();
  // An operator, or our primary itself, wants us to replace it: stand at once, whatever the age of
  // the data and Options::no_failover say, and win before `until` or not at all. `agreed`: the
  // primary has paused for it and is to vote for us, too, by which it ceases to serve; no majority
  // will do without that vote.
  void OnCommand(const NodeId& primary, bool agreed, Instant until);
  void ForgetCommand();
  // True if the vote counts: it is for the current epoch of a round that is still open.
  bool OnAck(const NodeId& voter, const FailoverAuthAck& ack, Instant now);
  bool OnRefusal(const NodeId& voter, const FailoverAuthRefusal& refusal, Instant now);
  // When the request of the round under way was sent; empty if there is none.
  std::optional<Instant> RoundStartedAt() const;
  Instant NextDeadline() const;

  // --- Voter ---------------------------------------------------------------------------------
  // Follows whether this node is a voter. One that has just become a voter abstains, in steps:
  // until whoever it replaced can vote no more, until every round that may hold a vote of that
  // node is over, and until it has since heard what epochs the other voters know. A voter that
  // restarts with its ledger waits for the rounds only.
  void OnView(const ClusterView& view, Instant now);
  // This node is about to become a voter in the stead of `replaced`. `gone`: that process is
  // surely dead, so that it cannot go on voting.
  void OnPromoted(const NodeId& replaced, bool gone);
  // A voter answered what we sent at `sent`. `confirms`: it sees us as a voter. True if this
  // ended the abstention; the ledger has changed then and is to be saved.
  bool OnVoterAnswered(const ClusterView& view, const Header& voter, bool confirms, Instant sent,
                       Epoch current_epoch, Instant now);
  // The waiting is over but for answers: ask the voters, once.
  bool WantsAnswers(Instant now);
  // Where a vote is granted, but for a candidate's own. After a grant the ledger must be durable
  // before the answer leaves. `primary_answers`: we heard the primary ourselves too recently to
  // replace it, whatever the others say; see FailureDetector::SeemsAlive. `confirmed`: a majority
  // of voters saw us as one of them, counted from what we sent less than ServeLease() ago.
  VoteDecision ConsiderVote(const ClusterView& view, const Header& candidate,
                            const FailoverAuthRequest& request, bool primary_answers,
                            bool confirmed, Instant now);
  void OnWithdraw(const NodeId& candidate, const FailoverAuthWithdraw& withdraw);
  // A vote given in this shard may still count, our own for ourselves included.
  bool RoundOpen(const ShardId& shard, Instant now) const { return ledger_.RoundOpen(shard, now); }
  bool Abstaining() const { return abstention_.has_value(); }
  // How long, as far as known; empty: it may vote.
  std::optional<absl::Duration> AbstainsFor(Instant now) const;
  const VoteLedger& ledger() const { return ledger_; }

 private:
  struct Sibling {
    Progress progress;
    std::optional<NodeId> final_for;
  };
  struct Idle {};
  struct Waiting {
    Instant since;
    absl::Duration jitter;
    Instant stands_at;  // As last computed; moves with what siblings say.
  };
  struct Campaigning {
    Epoch epoch;
    NodeId primary;
    Instant started_at, ends_at;
    bool agreed = false;  // The primary's own vote is needed.
    absl::btree_set<NodeId> votes;
    uint32_t most_voters = 0;                          // As told by those who voted.
    absl::btree_map<NodeId, absl::Duration> refusals;  // With the voters' hints.
  };
  struct Resting {  // After a lost round.
    Instant until;
  };
  struct Consent {
    NodeId primary;
    Instant until;
    bool commanded = false;
    bool agreed = false;
  };
  struct Abstention {
    Instant since;
    Instant until;                      // Rounds are over. Later answers tell their epochs.
    bool new_voter = false;             // Needs those answers.
    std::optional<NodeId> replaced;     // May still vote, until a majority has confirmed us.
    bool asked = false;                 // For answers, after `until`.
    bool far_floor = false;             // The majority was not to be had.
    absl::btree_set<NodeId> confirmed;  // Voters that see us as one of them.
    absl::btree_set<NodeId> heard;      // Voters, since `until`.
    absl::btree_set<NodeId> heard_settled;
  };
  struct Promotion {
    NodeId replaced;
    bool gone = false;
  };
  struct FreshnessRefusal {
    NodeId primary;
    Instant first;
  };

  // Candidate (candidate.cc).
  Ineligible Eligibility(const NodeView& primary, bool consent, Instant now) const;
  void Stop(ElectionEnded::How how, const ClusterView& view, std::vector<ElectionStep>& steps);
  int Rank(const ClusterView& view) const;
  bool EverybodyFresherIsExcluded(const ClusterView& view) const;
  Instant StandsAt(const ClusterView& view, const Waiting& waiting) const;
  void Stand(const ClusterView& view, const NodeView& primary, bool consent, Epoch current_epoch,
             Instant now, const OwnVote& own, std::vector<ElectionStep>& steps);
  VoteRefusal VoteForSelf(const ClusterView& view, const FailoverAuthRequest& request,
                          const OwnVote& own, Instant now);
  void Count(const ClusterView& view, Instant now, Rng& rng, std::vector<ElectionStep>& steps);
  absl::Duration RestFor(const Campaigning& round, Rng& rng) const;
  bool HasConsent(const NodeId& primary, Instant now) const;
  bool Commanded() const { return consent_.has_value() && consent_->commanded; }

  // A vote may count until the candidate's clock says that the round is over. The request took no
  // negative time to arrive, so waiting the same length from here is enough for equal clocks; the
  // margin is for unequal ones.
  static absl::Duration SurelyOver(absl::Duration round) { return round + round / 8; }

  // Voter (failover_coordinator.cc).
  bool TakesSeat(const ClusterView& view) const;
  bool HeardEnough(const ClusterView& view, Epoch current_epoch, Instant now);
  void Settle(Epoch floor);
  VoteRefusal CheckClaim(const ClusterView& view, const FailoverAuthRequest& request,
                         std::optional<NodeId>& newer_owner) const;
  bool KnowsFresherSibling(const ClusterView& view, const Header& candidate,
                           const FailoverAuthRequest& request) const;

  const Options* options_;
  VoteLedger ledger_;
  ReplicationStatus own_;
  Instant own_reported_at_;
  absl::btree_map<NodeId, Sibling> siblings_;
  std::variant<Idle, Waiting, Campaigning, Resting> state_;
  int timeouts_ = 0;  // Rounds in a row that ended without an answer either way.
  std::optional<Consent> consent_;
  Ineligible last_ineligible_ = Ineligible::kNone;
  bool is_voter_ = false;
  bool first_view_ = true;
  std::optional<Promotion> promotion_;
  std::optional<Abstention> abstention_;
  absl::btree_map<ShardId, FreshnessRefusal> freshness_refusals_;
};

}  // namespace clusterkit

#endif  // CLUSTERKIT_FAILOVER_COORDINATOR_H_
