#include "model/node_table.h"

#include <utility>

namespace clusterkit {

NodeTable::NodeTable(KnownNode self) : self_(self.id) {
  std::unique_ptr<Entry>& entry = nodes_[self_];
  entry = std::make_unique<Entry>();
  entry->node = std::move(self);
  self_entry_ = entry.get();
}

const KnownNode* NodeTable::Find(const NodeId& id) const {
  auto it = nodes_.find(id);
  return it == nodes_.end() ? nullptr : &it->second->node;
}

std::vector<NodeId> NodeTable::Ids() const {
  std::vector<NodeId> ids;
  ids.reserve(nodes_.size());
  for (const auto& [id, entry] : nodes_) ids.push_back(id);
  return ids;
}

std::vector<NodeId> NodeTable::Peers() const {
  std::vector<NodeId> ids;
  ids.reserve(nodes_.size());
  for (const auto& [id, entry] : nodes_) {
    if (id != self_) ids.push_back(id);
  }
  return ids;
}

void NodeTable::Add(KnownNode node) {
  NodeId id = node.id;
  std::unique_ptr<Entry>& entry = nodes_[id];
  if (entry == nullptr) entry = std::make_unique<Entry>();
  entry->node = std::move(node);
  view_outdated_ = true;
  ++generation_;
}

void NodeTable::Remove(const NodeId& id) {
  EditSlots().Release(id);
  nodes_.erase(id);
}

KnownNode& NodeTable::Edit(const NodeId& id, bool config) {
  Entry& entry = *nodes_.at(id);
  entry.view.reset();
  view_outdated_ = true;
  if (config) ++generation_;
  return entry.node;
}

SlotMap& NodeTable::EditSlots() {
  if (slots_shared_) {
    slots_ = std::make_shared<SlotMap>(*slots_);
    slots_shared_ = false;
  }
  slots_changed_ = true;
  view_outdated_ = true;
  ++generation_;
  return *slots_;
}

bool NodeTable::HasRenounced(const NodeId& id, SlotId slot) const {
  const PeerFacts& said = facts(id);
  return said.claim && said.settled_epoch == Find(id)->config_epoch && !said.claim->Contains(slot);
}

SlotSet NodeTable::Heritage(const NodeId& id) const {
  SlotSet left;
  slots_->SlotsOf(id).ForEach([&](SlotId slot) {
    if (!HasRenounced(id, slot)) left.Add(slot);
  });
  return left;
}

const SlotSet& NodeTable::OwnSlots() const {
  if (own_slots_generation_ != generation_) {
    own_slots_ = slots_->SlotsOf(self_);
    own_digest_ = own_slots_.Digest();
    own_slots_generation_ = generation_;
  }
  return own_slots_;
}

uint64_t NodeTable::OwnDigest() const {
  OwnSlots();
  return own_digest_;
}

Epoch NodeTable::ConfigEpochOf(const NodeId& id) const {
  const KnownNode* node = Find(id);
  return node == nullptr ? Epoch{} : node->config_epoch;
}

std::shared_ptr<const ClusterView> NodeTable::BuildView(uint64_t version, OwnSituation own) {
  ClusterView::Nodes views;
  views.reserve(nodes_.size());
  for (const auto& [id, known] : nodes_) {
    Entry& entry = *known;
    const KnownNode& node = entry.node;
    const int slot_count =
        entry.view && !slots_changed_ ? entry.view->slot_count : slots_->CountOf(id);
    if (!entry.view || entry.view->slot_count != slot_count) {
      auto view = std::make_shared<NodeView>();
      view->id = node.id;
      view->shard = node.shard;
      view->bus = node.bus;
      view->client = node.client;
      view->role = node.role;
      view->voting = node.voting;
      view->primary = node.primary;
      view->health = node.health;
      view->config_epoch = node.config_epoch;
      view->no_failover = node.no_failover;
      view->replica_priority = node.replica_priority;
      view->linked = node.linked || id == self_;
      view->slot_count = slot_count;
      view->details = node.details;
      entry.view = std::move(view);
    }
    views.push_back(entry.view);
  }
  slots_changed_ = false;
  slots_shared_ = true;
  view_outdated_ = false;
  return std::make_shared<ClusterView>(version, self_, std::move(views), slots_, std::move(own));
}

}  // namespace clusterkit
