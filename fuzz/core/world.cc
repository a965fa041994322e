#include "core/world.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "core/formats.h"

namespace clusterkit::fuzz {
namespace {

constexpr uint16_t kBusPort = 16379, kClientPort = 6379;
constexpr size_t kMaxAnonymousLinks = 4;

std::string HostOf(size_t index) { return absl::StrCat("10.0.0.", index + 1); }

Options OptionsFor(size_t index, const Setup& setup) {
  Options options;
  options.bus = {HostOf(index), kBusPort};
  options.client = {HostOf(index), kClientPort};
  options.node_timeout = absl::Seconds(2);
  options.crash_evidence = setup.crash_evidence;
  options.require_full_coverage = setup.full_coverage;
  options.max_nodes = World::kMaxNodes;
  options.max_anonymous_links = kMaxAnonymousLinks;
  return options;
}

template <typename Id>
Id IdNumber(size_t n) {
  Id id;
  id.bytes.fill(static_cast<uint8_t>(n + 1));
  return id;
}

}  // namespace

SlotSet World::ShareOf(size_t primary, bool full_coverage) {
  const size_t width = full_coverage ? size_t{kSlotCount} / kPrimaries + 1 : 64;
  const size_t first = primary * width;
  const size_t last = std::min(first + width, size_t{kSlotCount}) - 1;
  return SlotSet::Of({SlotId{static_cast<uint16_t>(first)}, SlotId{static_cast<uint16_t>(last)}});
}

// As a cluster that was formed left it.
PersistentState World::FormedState(size_t nodes, bool full_coverage) {
  PersistentState state;
  state.current_epoch = Epoch{kPrimaries};
  state.ledger.emplace();
  for (size_t i = 0; i < nodes; ++i) {
    const size_t primary = i < kPrimaries ? i : 0;
    NodeRecord record;
    record.id = IdNumber<NodeId>(i);
    record.shard = IdNumber<ShardId>(100 + primary);
    record.bus = {HostOf(i), kBusPort};
    record.client = {HostOf(i), kClientPort};
    if (i < kPrimaries) {
      record.config_epoch = Epoch{i + 1};
      state.slots.Bind(ShareOf(i, full_coverage), record.id);
    } else {
      record.role = Role::kReplica;
      record.primary = IdNumber<NodeId>(primary);
    }
    state.nodes.push_back(record);
  }
  return state;
}

World::World(const Setup& setup) : setup_(setup), nodes_(kPrimaries + setup.replicas) {
  const PersistentState state = FormedState(nodes_.size(), setup.full_coverage);
  for (size_t i = 0; i < nodes_.size(); ++i) {
    Node& node = nodes_[i];
    node.options = OptionsFor(i, setup);
    node.ahead = absl::Minutes(i);
    node.durable = state;
    node.durable.self = state.nodes[i].id;
    node.durable.ledger->settled = i < kPrimaries;
    node.report.progress = {Epoch{0}, 100, /*synced=*/true};
    node.report.link_up = i >= kPrimaries;
    MakeDurable(node, node.durable);
  }
  for (Node& node : nodes_) Start(node);
}

// --- Process and disk --------------------------------------------------------------------------

void World::Start(Node& node) {
  if (setup_.formats) node.durable = ThroughFile(node.durable);
  absl::StatusOr<std::unique_ptr<NodeCore>> core =
      NodeCore::Create(node.options, node.durable, ++work_, LocalNow(node));
  CLUSTERKIT_CHECK(core.ok());  // It wrote that state itself.
  node.core = *std::move(core);
  node.id = node.durable.self;
  CarryOut(node, node.core->TakeReady());
  FeedTo(node, [&](NodeCore& it, Instant now) { it.ReportReplication(node.report, now); });
}

void World::MakeDurable(Node& node, const PersistentState& state) {
  CLUSTERKIT_CHECK(state.nodes.size() <= kMaxNodes);
  CLUSTERKIT_CHECK(!state.ledger || state.ledger->votes.size() <= kMaxNodes);
  node.durable = state;
  node.unsynced.reset();
  watch_.OnDurable(state);
}

void World::Saved(size_t index) {
  Node& node = nodes_[index];
  if (node.core == nullptr || node.saves.empty()) return;
  const SaveRequest save = std::move(node.saves.front());
  node.saves.pop_front();
  if (save.must_sync) {
    MakeDurable(node, save.state);
  } else {
    node.unsynced = save.state;
  }
  node.saved = save.number;
  FeedTo(node, [&](NodeCore& core, Instant now) { core.OnSaved(save.number, now); });
  Release(node);
}

void World::Crash(size_t index, bool torn, bool lose_unsynced, bool machine_gone) {
  Node& node = nodes_[index];
  if (node.core == nullptr) return;
  node.core.reset();
  node.view.reset();
  if (!torn || node.saves.empty()) {
    if (node.unsynced && !lose_unsynced) MakeDurable(node, PersistentState(*node.unsynced));
  } else {
    MakeDurable(node, node.saves.front().state);
  }
  node.unsynced.reset();
  node.saves.clear();
  node.held.clear();
  node.saved = node.gate = 0;
  node.paused = false;
  node.machine_gone = machine_gone;
  if (!machine_gone) {
    for (const auto& [id, link] : node.links) Leave(node, id);
  }
  node.links.clear();
  for (Node& other : nodes_) {
    if (machine_gone || other.core == nullptr || other.view == nullptr) continue;
    if (other.view->self().primary != node.id || !other.report.link_up) continue;
    Report(IndexOf(other), [](ReplicationStatus& status) { status.link_up = false; });
  }
}

void World::Restart(size_t index) {
  Node& node = nodes_[index];
  if (node.core != nullptr) return;
  node.machine_gone = false;
  Start(node);
}

// --- Batches -------------------------------------------------------------------------------------

void World::FeedTo(Node& node, Input input) {
  ++work_;
  input(*node.core, LocalNow(node));
  CarryOut(node, node.core->TakeReady());
}

void World::Feed(size_t index, Input input) {
  if (nodes_[index].core != nullptr) FeedTo(nodes_[index], input);
}

void World::Report(size_t index, absl::FunctionRef<void(ReplicationStatus& status)> change) {
  Node& node = nodes_[index];
  change(node.report);
  Feed(index, [&](NodeCore& core, Instant now) { core.ReportReplication(node.report, now); });
}

void World::Command(size_t index,
                    absl::FunctionRef<absl::Status(NodeCore& core, Instant now)> command) {
  Node& node = nodes_[index];
  if (node.core == nullptr) return;
  ++work_;
  const absl::Status status = command(*node.core, LocalNow(node));
  Ready ready = node.core->TakeReady();
  CLUSTERKIT_CHECK(status.ok() || ready.empty());
  CarryOut(node, std::move(ready));
}

void World::CarryOut(Node& node, Ready ready) {
  for (const Dial& dial : ready.dials) node.links[dial.link].to = dial.to;
  for (Outbound& out : ready.prompt) Send(node, std::move(out));
  for (const LinkId link : ready.hangups) {
    Leave(node, link);
    node.links.erase(link);
  }
  if (ready.save) {
    if (ready.save->must_sync) node.gate = ready.save->number;
    // One is under way, and the latest waits.
    if (node.saves.size() == 2) {
      ready.save->must_sync |= node.saves.back().must_sync;
      node.saves.pop_back();
    }
    node.saves.push_back(*std::move(ready.save));
  }
  if (!ready.sends.empty() || ready.view != nullptr || !ready.events.empty()) {
    node.held.push_back(
        {node.gate, std::move(ready.sends), std::move(ready.view), std::move(ready.events)});
  }
  Release(node);
  CheckBounds(node);
  CheckServers();
}

void World::Release(Node& node) {
  while (!node.held.empty() && node.held.front().gate <= node.saved) {
    Held held = std::move(node.held.front());
    node.held.pop_front();
    for (Outbound& out : held.sends) Send(node, std::move(out));
    if (held.view != nullptr) {
      const bool moved = node.view == nullptr || &node.view->slots() != &held.view->slots();
      node.view = std::move(held.view);
      if (moved) {
        node.own_slots = node.view->slots().SlotsOf(node.view->self().id);
        FindRivals();
      }
      node.id = node.view->self().id;
    }
    for (const StampedEvent& stamped : held.events) OnEvent(node, stamped.event);
  }
}

void World::OnEvent(Node& node, const Event& event) {
  if (const auto* ended = std::get_if<ElectionEnded>(&event)) {
    if (ended->how == ElectionEnded::How::kWon && trusted_) {
      watch_.OnElected(*node.view, ended->epoch);
    }
  } else if (const auto* role = std::get_if<RoleChanged>(&event)) {
    if (role->id != node.id) return;
    node.report.link_up = false;
    if (role->shard_changed) node.report.progress = Progress{};
    if (role->to == Role::kPrimary) node.report.progress.history = role->config_epoch;
  }
}

// --- What must hold --------------------------------------------------------------------------

void World::CheckBounds(const Node& node) const {
  const ClusterView& view = node.core->view();
  CLUSTERKIT_CHECK(view.nodes().size() <= kMaxNodes);
  CLUSTERKIT_CHECK(view.Find(view.self().id) == &view.self());
  CLUSTERKIT_CHECK(view.self().primary != view.self().id);
  CLUSTERKIT_CHECK(view.self().role == Role::kPrimary || view.self().slot_count == 0);
  // Dialled and accepted ones of known nodes, those of strangers before and after their hello, and
  // handshakes.
  CLUSTERKIT_CHECK(node.links.size() <= 3 * kMaxNodes + 2 * kMaxAnonymousLinks);
}

// Slots move rarely, and who serves is asked after every input.
void World::FindRivals() {
  for (Node& node : nodes_) {
    node.has_rival = std::any_of(nodes_.begin(), nodes_.end(), [&](const Node& other) {
      return &other != &node && other.own_slots.Intersects(node.own_slots);
    });
  }
}

void World::CheckServers() {
  if (!trusted_) return;
  std::vector<sim::OneServer::Server> servers;
  for (const Node& node : nodes_) {
    if (!node.has_rival || node.core == nullptr || node.view == nullptr) continue;
    const ClusterView& view = *node.view;
    if (view.self().role != Role::kPrimary || view.state() != ClusterState::kOk) continue;
    if (view.data_missing() || view.serve_until() <= LocalNow(node)) continue;
    servers.push_back({node.id, node.own_slots});
  }
  if (servers.size() > 1) watch_.OnServers(now_, servers);
}

}  // namespace clusterkit::fuzz
