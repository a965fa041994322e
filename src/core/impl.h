// NodeCore's parts and what they share. Each group of methods is one file of src/core.
//
// Every input does its own work, marks what it touched, and ends in Settle(), which draws the
// consequences in one fixed order: health, elections, serving, announcements. So a consequence
// never runs in the middle of a change.

#ifndef CLUSTERKIT_CORE_IMPL_H_
#define CLUSTERKIT_CORE_IMPL_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/functional/function_ref.h"
#include "clusterkit/failover_coordinator.h"
#include "clusterkit/failure_detector.h"
#include "clusterkit/gossip_engine.h"
#include "clusterkit/node_core.h"
#include "core/causes.h"
#include "core/links.h"
#include "core/meter.h"
#include "core/replica_migration.h"
#include "core/serving.h"
#include "model/node_table.h"

namespace clusterkit {

class NodeCore::Impl {
 public:
  Impl(const Options& options, KnownNode self, uint64_t seed, bool restarted,
       std::optional<VoteLedgerState> ledger, Instant now);

  // --- state_io.cc: what is loaded and saved ---------------------------------------------------
  static absl::StatusOr<std::unique_ptr<Impl>> Create(const Options& options,
                                                      std::optional<PersistentState> state,
                                                      uint64_t seed, Instant now);
  PersistentState MakeState() const;
  void OnSaved(uint64_t number, Instant now);

  // --- node_core.cc: inputs, Settle, outputs -----------------------------------------------------
  void OnTick(Instant now);
  void OnFrame(LinkId link, const Frame& frame, Instant now);
  void ReportReplication(const ReplicationStatus& status, Instant now);
  void ReportHostAlive(Instant now);
  void ReportDataPresent(bool present, Instant now);
  void EndAuthority() { serving_.Revoke(); }
  Ready TakeReady();
  Instant NextDeadline() const;
  CoreStatus Status(Instant now) const;
  Metrics Measure(Instant now) const;  // measure.cc
  void ForEachLink(absl::FunctionRef<void(LinkId)> fn) const {
    links_.ForEachReady([fn](const Link& link) { fn(link.id); });
  }
  void SetTracing(bool on) { tracing_ = on; }
  const ClusterView& PublishedView() const { return *published_view_; }
  const Options& options() const { return options_; }

  // --- connections.cc: links, hello, dialling ----------------------------------------------------
  LinkId OnAccept(const std::string& peer_host, Instant now);
  void OnLinkUp(LinkId id, Instant now);
  void OnLinkDown(LinkId id, LinkDownCause cause, Instant now);
  void OnBadFrame(LinkId id, const absl::Status& error, Instant now);

  // --- commands.cc ------------------------------------------------------------------------------
  absl::Status Meet(const Endpoint& bus, Instant now);
  absl::Status CheckMayOwnSlots() const;
  absl::Status AddSlots(const SlotSet& slots, Instant now);
  absl::Status RemoveSlots(const SlotSet& slots, Instant now);
  absl::Status CompleteImport(const SlotSet& slots, Instant now);
  absl::Status Replicate(const NodeId& primary, Instant now);
  absl::Status Forget(const NodeId& node, Instant now);
  absl::Status Reset(ResetMode mode, Instant now);
  absl::Status SetConfigEpoch(Epoch epoch, Instant now);
  absl::Status OverruleDataGuard(Instant now);
  absl::Status Reconfigure(const Options& options, Instant now);
  bool BumpEpoch(Instant now);
  void InjectFaults(const FaultInjection& faults) { faults_ = faults; }
  const FaultInjection& injected_faults() const { return faults_; }
  absl::Status KillLinks(const NodeId& peer, LinksWith which, Instant now);

  // --- open_slots.cc: slots between two shards ---------------------------------------------------
  absl::Status BeginExport(const SlotSet& slots, const NodeId& to, Instant now);
  absl::Status BeginImport(const SlotSet& slots, const NodeId& from, Instant now);
  absl::Status EndMigration(const SlotSet& slots, Instant now);
  absl::Status BindSlots(const SlotSet& slots, const NodeId& owner, Instant now);

  // --- slot_moves.cc: moves that carry themselves out --------------------------------------------
  absl::Status MoveSlots(const SlotSet& slots, const NodeId& to, Instant now);
  absl::Status CancelMove(Instant now);
  void ReportSlotsTransferred(uint64_t number, const SlotSet& slots, Instant now);

  // --- handover.cc: planned changes of a shard's primary -----------------------------------------
  absl::Status Failover(FailoverMode mode, Instant now);
  absl::Status Depart(Departure kind, absl::Duration at_most, Instant now);

 private:
  // What this node says of itself, but for its current epoch and its progress: they promise
  // nothing, so each message has them as they are. `claim` and `details` stand beside the header
  // because they rarely travel.
  struct Facts {
    Header header;
    SlotSet claim;
    NodeDetails details;
    std::shared_ptr<const OpenSlots> open_slots;
    uint64_t open_slots_version = 0;
  };
  struct PendingMeet {
    Endpoint bus;
    LinkId name;  // Of the first link: it names the handshake as long as it lasts.
    LinkId link;
    Instant since;
    bool dial_failed = false;  // Nobody listens there yet.
  };
  // Of a node that was forgotten `since`, here or elsewhere.
  struct Ban {
    Instant since, until;
  };
  enum class DataGuard : uint8_t { kOff, kWaiting, kActive };
  // A move at its source: what is beyond the plan in open_slots_, and lost with the process.
  struct Move {
    Move() : cancelled(false) {}  // clang knows initialisers of nested members too late.
    void Keep(const SlotSet& slots);
    SlotSet UnderWay() const;
    SlotSet asked;  // The target is to expect them.
    // The host was told to send their keys, under these numbers.
    absl::btree_map<uint64_t, SlotSet> due;
    SlotSet sent;  // The keys are there; the target is to take them.
    Instant ask_again;
    bool cancelled;
  };
  // A failover by command, at the replica.
  struct CommandedFailover {
    NodeId primary;
    Instant until;
    std::optional<Progress> target;  // Where the primary paused.
    bool standing = false;
  };
  // Writes pause for it, at the primary.
  struct WritePause {
    uint64_t number = 0;
    NodeId successor;
    Instant until;
  };
  // Our vote for our own successor: until then it counts.
  struct GivenWay {
    NodeId heir;
    Instant until;
  };
  struct Departing {
    Departure kind = Departure::kHandOver;
    Instant until;
    std::optional<NodeId> successor;
    Instant asked;
    absl::btree_set<NodeId> tried;
  };
  // Prompt: as we were when last durable; leaves at once. Durable: as we are; waits for the save.
  enum class Path : uint8_t { kPrompt, kDurable };

  // --- node_core.cc -----------------------------------------------------------------------------
  Instant Begin(Instant now);  // Clamps time; every input starts with it.
  void Settle();
  void Cron();
  const ClusterView& View();  // Current, for decisions.
  std::shared_ptr<const ClusterView> SharedView();
  void Emit(Event event);
  void RequestSave(bool sync);
  const VoteLedger& ledger() const { return coordinator_.ledger(); }
  bool SyncPending() const { return want_sync_save_ || last_sync_save_ > durable_save_; }
  const KnownNode& self() const { return table_.self(); }
  bool IsPrimary() const { return self().role == Role::kPrimary; }
  std::optional<NodeId> ShardHead() const;  // Ourselves as a primary, else our primary.
  Epoch ShownConfigEpoch() const;           // A replica shows its primary's.
  void AdoptEpoch(Epoch epoch);
  // Nobody gets this far ahead by elections; such an epoch is damage or malice, and adopting it
  // would use up the epochs of the whole cluster.
  bool Implausible(Epoch epoch) const;
  void AddNode(KnownNode node, NodeAdded::By by);
  void RemoveNode(const NodeId& id, std::optional<NodeId> told_by);

  // --- measure.cc: records of decisions. Each costs copies: ask `tracing_` before ---------------
  template <typename Detail>
  void Trace(Detail detail) {
    ready_.trace.push_back({now_, causes_.last(), std::move(detail)});
  }
  void TraceHealth(const KnownNode& node, Health to, bool vote_open);
  void TraceVote(const NodeId& candidate, const ShardId& shard, const Progress& progress,
                 const FailoverAuthRequest& request, Epoch last_voted,
                 const VoteDecision& decision);
  void TraceElection(const ClusterView& view, const std::vector<ElectionStep>& steps);
  void TraceServing();

  // --- connections.cc ---------------------------------------------------------------------------
  void OnHello(Link& link, const Hello& hello);
  void OnAnswerOfAnother(Link& link, const NodeId& found);
  std::optional<Goodbye> ObjectionTo(const Link& link, const Hello& hello) const;
  void SendHello(const Link& link);
  void OnGoodbye(Link& link, const Goodbye& goodbye);
  void OnOutboundReady(Link& link);
  void LearnOwnHost(const std::string& host);
  void CloseLink(LinkId id);  // From our side: never evidence against the peer.
  void Refuse(LinkId id, Goodbye goodbye);
  void DialDue();
  void ExpireLinks();
  void ResetDeafLinks();
  void ForgetLink(const Link& link, LinkDownCause cause);

  // --- heartbeats.cc: what we say and hear
  // ---------------------------------------------------------
  void OnMessage(Link& link, const Message& message);
  bool LoseByInjection(const Link& link, const Message& message);
  // The frame that just came is not listened to. The second closes the link for it.
  void Ignore(LinkId link, FrameRefusal reason);
  void RefuseFrame(const Link& link, FrameRefusal reason, Goodbye goodbye);
  void OnHeartbeat(Link& link, const Header& header, const Heartbeat& heartbeat);
  void OnPong(Link& link, const Header& header, const Heartbeat& heartbeat);
  void MergeGossip(const NodeId& from, const std::vector<GossipEntry>& entries);
  bool AdmitSender(Link& link, const Message& message);
  Header MakeHeader() const;
  void RefreshFacts();
  bool SendBody(Link& link, MessageBody body, Path path);
  bool SendTo(const NodeId& to, MessageBody body, Path path);
  bool SendHeartbeat(Link& link, Heartbeat::Kind kind, uint64_t stamp, Path path);
  bool BelievesToServe(const KnownNode& node) const;
  void SendPings();
  void Ping(const NodeId& peer);
  void Announce();  // An unsolicited PONG to everybody.

  // --- configuration.cc: roles, slots, epochs
  // ------------------------------------------------------
  void ApplyHeader(Link& link, const Header& header);
  void ApplyVoting(const Header& header);
  void ApplyAddress(const Link& link, const Header& header);
  void SetAddress(const NodeId& id, const Endpoint& bus, const Endpoint& client,
                  AddressChanged::Cause cause);
  void ApplyDetails(const Header& header);
  void ApplyRole(const Header& header);
  void FollowPrimary(const Header& header);
  void PrimaryBecameReplica(const Header& header);
  void ApplyHeartbeatClaim(const Header& header);
  void ApplyClaim(const SlotClaim& claim);
  void OnUpdate(const SlotUpdate& update);
  void SendUpdate(const NodeId& to, const NodeId& owner);
  void TellStaleReplica(const Header& header);
  bool MovesOn(const Header& other) const;
  void ResolveCollision(const Header& header);
  void SetOwnEpoch(Epoch epoch, ConfigEpochChanged::Cause cause, std::optional<NodeId> other);
  void BecomeReplica(const NodeId& primary, RoleChanged::Cause cause);
  Epoch GreatestEpoch() const;
  bool OwnEpochIsUniqueMaximum() const;

  // --- forgetting.cc ----------------------------------------------------------------------------
  bool Banned(const NodeId& node) const;
  void ForgetNode(const NodeId& node, const Ban& ban, std::optional<NodeId> told_by);
  std::vector<ForgottenNode> ForgottenFor(const NodeId& peer);
  void ApplyForgotten(const NodeId& from, const std::vector<ForgottenNode>& forgotten);

  // --- health.cc --------------------------------------------------------------------------------
  void Touch(const NodeId& node) { touched_.insert(node); }
  void EvaluateTouched();
  void ApplyHealth(const HealthChanged& change);
  void OnSuspicion(const Header& header, const SuspicionReport& report);
  void OnFailNotice(const FailNotice& notice);
  void QueueReports(const NodeId& subject, bool suspected);
  void FlushReports();

  // --- elections.cc -----------------------------------------------------------------------------
  void AdvanceElection();
  void Apply(const ScheduleElection& step);
  void Apply(const StartElection& step);
  void Apply(const WithdrawElection& step);
  void Apply(const Promote& step);
  void Apply(const ReportIneligible& step);
  void OnAuthRequest(Link& link, const Header& header, const FailoverAuthRequest& request);
  void OnWithdraw(const Header& header, const FailoverAuthWithdraw& withdraw);
  void OnAuthAck(const Header& header, const FailoverAuthAck& ack);
  void OnAuthRefusal(const Header& header, const FailoverAuthRefusal& refusal);
  void SendProgress(bool final);
  void UpdateDataGuard();
  bool IsBetterSuccessor(const NodeView& node, const NodeId& than) const;
  bool IsFresherThanOurs(const Progress& progress) const;

  // --- open_slots.cc ----------------------------------------------------------------------------
  void EditOpenSlots(absl::FunctionRef<void(OpenSlots&)> edit);
  void OpenMarks(const SlotSet& slots, const OpenSlots::Mark& mark,
                 SlotMigrationChanged::Cause cause);
  void CloseMarks(const SlotSet& slots, SlotMigrationChanged::Cause cause);
  void DropOpenSlots(SlotMigrationChanged::Cause cause);
  void AdoptOpenSlots(const OpenSlots& of_primary);
  void SettleOpenSlots();
  void TakeAbandoned(const SlotSet& abandoned);
  bool MajorityKnowsOurClaim();
  bool MayTakeSlots();
  bool StillClaimedBy(const NodeId& peer, SlotId slot) const;
  bool HeardFromAllOwners(Instant after);
  void TakeSlots(const SlotSet& slots);  // Without consensus.
  void GiveSlots(const SlotSet& slots, const NodeId& to);
  void LoseSlots(const SlotSet& lost);
  // Who leads the shard of a node that was the other end of a migration.
  NodeId SuccessorOf(const NodeId& peer);
  void TellReplicas();

  // --- slot_moves.cc ----------------------------------------------------------------------------
  void AdvanceMove();
  void OpenNext(const SlotMovePlan& plan);
  void SendMoveSteps(const NodeId& target);
  void EndMove(SlotMoveEnded::How how, std::string text = {});
  absl::Status EndMoveOf(const SlotSet& slots);
  void DropAtTarget(const NodeId& target, const SlotSet& slots);
  void OnLeftShard(const NodeId& peer, const ShardId& shard);
  void RetargetMove(const NodeId& target);
  void OnSlotMoveStep(Link& link, const Header& header, const SlotMoveStep& step);
  void OnSlotMoveAnswer(const Header& header, const SlotMoveAnswer& answer);

  // --- handover.cc ------------------------------------------------------------------------------
  void StartFailover(const NodeId& primary, FailoverMode mode);
  void OnPauseRequest(const Header& header, const PauseRequest& request);
  void OnPrimaryPaused(const Header& header);
  void AdvanceFailover();
  void BeginPause(const NodeId& successor);
  void EndPause();
  bool MayElectSuccessor();
  bool MayGiveWayTo(const Header& candidate) const;
  void OnHeirIsReplica(const Header& header, Instant sent);
  bool GaveWay();
  bool PauseObeyed() const { return pause_ && replication_.obeys_pause == pause_->number; }
  void AdvanceDeparture();
  std::optional<NodeId> BestSuccessor();
  bool AnySuccessorLater() const;
  void FinishDeparture(absl::Status status);
  void ForgetLeaving();
  void RepeatHandoverRequests();

  Options options_;
  Rng rng_;
  uint64_t incarnation_;
  Instant now_;
  Instant next_cron_;

  NodeTable table_;
  Links links_;
  FailureDetector detector_;
  GossipEngine gossip_;
  FailoverCoordinator coordinator_;
  Serving serving_;
  ReplicaMigration migration_;

  Epoch current_epoch_;
  ReplicationStatus replication_;
  bool replication_reported_ = false;
  bool progress_final_ = false;       // Told to siblings and voters.
  std::optional<bool> data_present_;  // As reported by the host.
  std::optional<Instant> data_missing_since_;
  DataGuard guard_ = DataGuard::kOff;
  std::optional<NodeId> guard_successor_;
  Instant next_stand_request_;
  bool host_was_stalled_ = false;

  std::shared_ptr<const OpenSlots> open_slots_ = std::make_shared<OpenSlots>();
  uint64_t open_slots_version_ = 1;
  uint64_t open_slots_settled_ = 0;  // Generation of the table.
  SlotSet unbound_by_us_;            // Of others, by command: whoever adds them outbids those.
  SlotSet arrived_;                  // Imported and taken; their marks wait.
  bool tell_replicas_ = false;
  // Slots that we import and their owner has ceased to claim.
  absl::btree_map<SlotId, Instant> abandoned_;
  std::optional<Move> move_;
  uint64_t last_transfer_ = 0;

  std::optional<CommandedFailover> failover_;
  std::optional<WritePause> pause_;
  // We voted for it to replace us: until it says that it did not, it may serve.
  std::optional<GivenWay> given_way_;
  uint64_t last_pause_ = 0;
  std::optional<Departing> departing_;
  bool gone_ = false;                // Stopped, or left.
  absl::btree_set<NodeId> leaving_;  // They said goodbye, and are to be forgotten.

  std::vector<PendingMeet> meets_;
  absl::btree_set<NodeId> introduced_;  // We send MEET until they speak to us.
  absl::btree_map<NodeId, Ban> banned_;
  absl::btree_set<NodeId> forgotten_by_;  // Peers that say they have forgotten us.

  absl::btree_set<NodeId> touched_;  // Health to be evaluated in Settle.
  absl::btree_map<NodeId, std::vector<SuspicionReport::Item>> reports_;  // To send in Settle.
  bool announce_ = false;    // What we say of ourselves changed for all.
  bool ask_voters_ = false;  // And the voters are to answer it.

  std::shared_ptr<const Facts> facts_ = std::make_shared<Facts>();  // As we are.
  std::shared_ptr<const Facts> durable_facts_ = facts_;             // As we were when last durable.
  uint64_t view_version_ = 0;
  std::shared_ptr<const ClusterView> view_;
  std::shared_ptr<const ClusterView> published_view_;
  bool extras_changed_ = true;  // State, guard or lease, since view_ was built.

  Ready ready_;
  bool want_save_ = false, want_sync_save_ = false;
  uint64_t last_save_ = 0, last_sync_save_ = 0, durable_save_ = 0;
  FaultInjection faults_;
  Causes causes_;
  Meter meter_;
  bool tracing_ = false;
};

}  // namespace clusterkit

#endif  // CLUSTERKIT_CORE_IMPL_H_
