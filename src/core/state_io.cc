// What is loaded at the start and saved afterwards.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/impl.h"

namespace clusterkit {
namespace {

absl::Status CheckState(const PersistentState& state, const Options& options) {
  auto bad = [](auto... parts) {
    return absl::InvalidArgumentError(absl::StrCat("state: ", parts...));
  };
  if (state.nodes.size() > options.max_nodes) {
    return bad(state.nodes.size(), " nodes, max_nodes is ", options.max_nodes);
  }
  bool has_self = false;
  for (size_t i = 0; i < state.nodes.size(); ++i) {
    const NodeRecord& node = state.nodes[i];
    if (i > 0 && !(state.nodes[i - 1].id < node.id)) {
      return bad("nodes are not in ascending order at ", node.id.ToHex());
    }
    has_self = has_self || node.id == state.self;
  }
  if (!has_self) return bad("no record of this node, ", state.self.ToHex());
  for (const NodeId& owner : state.slots.Owners()) {
    auto known =
        std::lower_bound(state.nodes.begin(), state.nodes.end(), owner,
                         [](const NodeRecord& node, const NodeId& id) { return node.id < id; });
    if (known == state.nodes.end() || known->id != owner) {
      return bad("slots of an unknown node, ", owner.ToHex());
    }
  }
  return absl::OkStatus();
}

KnownNode FromRecord(const NodeRecord& record) {
  KnownNode node;
  node.id = record.id;
  node.shard = record.shard;
  node.bus = record.bus;
  node.client = record.client;
  node.role = record.role;
  node.voting = record.voting;
  node.primary = record.primary;
  // A suspicion of the process before is none of this one.
  node.health = record.health == Health::kFail ? Health::kFail : Health::kOnline;
  node.config_epoch = record.config_epoch;
  node.no_failover = record.no_failover;
  node.SetDetails({record.hostname, record.name, {}});
  return node;
}

// A file from Redis 7.0 knows no shards. Every node that imports one names each shard alike, after
// the node that led it.
void NameShard(KnownNode& node) {
  if (!node.shard.IsZero()) return;
  node.shard.bytes = (node.primary ? *node.primary : node.id).bytes;
}

// An announced address wins over a remembered one, field by field.
void SetOwnAddress(KnownNode& self, const Options& options) {
  self.bus.port = options.bus.port;
  self.client.port = options.client.port;
  if (!options.bus.host.empty()) self.bus.host = options.bus.host;
  if (!options.client.host.empty()) self.client.host = options.client.host;
  self.no_failover = options.no_failover;
  self.voting = options.voting;
  self.replica_priority = options.replica_priority;
  self.health = Health::kOnline;
  self.SetDetails(options.details);
}

}  // namespace

absl::StatusOr<std::unique_ptr<NodeCore::Impl>> NodeCore::Impl::Create(
    const Options& options, std::optional<PersistentState> state, uint64_t seed, Instant now) {
  if (absl::Status status = options.Validate(); !status.ok()) return status;
  if (!state) {
    Rng identity(seed);
    KnownNode self;
    self.id = NodeId::Random(identity);
    self.shard = ShardId::Random(identity);
    SetOwnAddress(self, options);
    auto impl = std::make_unique<Impl>(options, std::move(self), identity.Next(),
                                       /*restarted=*/false, std::nullopt, now);
    impl->RequestSave(/*sync=*/true);
    impl->Settle();
    return impl;
  }
  if (absl::Status status = CheckState(*state, options); !status.ok()) return status;
  Rng draw(seed);
  KnownNode self;
  for (const NodeRecord& record : state->nodes) {
    if (record.id == state->self) self = FromRecord(record);
  }
  SetOwnAddress(self, options);
  NameShard(self);
  const bool owned_slots = state->slots.CountOf(state->self) > 0;
  if (options.voting == Voting::kWitness && (owned_slots || self.role == Role::kReplica)) {
    return absl::InvalidArgumentError(
        "voting: a witness owns no slots and follows nobody; reset this node first");
  }
  auto impl = std::make_unique<Impl>(options, std::move(self), draw.Next(),
                                     /*restarted=*/true, state->ledger, now);
  impl->current_epoch_ = state->current_epoch;
  for (const NodeRecord& record : state->nodes) {
    impl->AdoptEpoch(record.config_epoch);
    if (record.id == state->self) continue;
    KnownNode node = FromRecord(record);
    NameShard(node);
    impl->AddNode(std::move(node), NodeAdded::By::kGossip);
  }
  impl->table_.EditSlots() = state->slots;
  if (impl->IsPrimary()) impl->open_slots_ = std::make_shared<OpenSlots>(state->open_slots);
  for (const NodeId& id : impl->table_.Ids()) {
    // A replica owns nothing; slots it is said to own wait for whoever claims them.
    if (impl->table_.Find(id)->role == Role::kReplica) impl->table_.EditSlots().Release(id);
  }
  impl->ready_ = Ready{};  // What was loaded is no news.
  impl->want_save_ = false;
  if (!owned_slots) impl->serving_ = Serving(impl->options_, /*restarted=*/false, now);
  impl->RequestSave(/*sync=*/false);
  impl->Settle();
  return impl;
}

PersistentState NodeCore::Impl::MakeState() const {
  PersistentState state{.self = table_.self_id(),
                        .current_epoch = current_epoch_,
                        .ledger = coordinator_.ledger().state(),
                        .nodes = {},
                        .slots = table_.slots(),
                        .open_slots = *open_slots_};
  state.nodes.reserve(table_.size());
  for (const NodeId& id : table_.Ids()) {
    const KnownNode& node = *table_.Find(id);
    state.nodes.push_back({node.id, node.shard, node.bus, node.client, node.role, node.voting,
                           node.primary, node.health, node.config_epoch, node.no_failover,
                           node.details.hostname, node.details.name});
  }
  return state;
}

void NodeCore::Impl::OnSaved(uint64_t number, Instant now) {
  Begin(now);
  durable_save_ = std::max(durable_save_, number);
  if (!SyncPending()) durable_facts_ = facts_;
}

}  // namespace clusterkit
