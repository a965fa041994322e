#include "sim/checkers.h"

#include <algorithm>
#include <set>
#include <variant>

#include "absl/strings/str_cat.h"
#include "clusterkit/describe.h"

namespace clusterkit::sim {
namespace {

std::string ShortShard(const ShardId& shard) { return shard.ToHex().substr(0, 8); }

}  // namespace

void OneVotePerEpoch::OnAck(const NodeId& voter, const ShardId& shard, Epoch epoch,
                            const NodeId& candidate) {
  const auto [found, first] = granted_.try_emplace({voter, shard, epoch}, candidate);
  if (first || found->second == candidate) return;
  violations_.push_back(absl::StrCat("two votes of ", ShortName(voter), " in shard ",
                                     ShortShard(shard), " epoch ", epoch.value, ": for ",
                                     ShortName(found->second), " and ", ShortName(candidate)));
}

void OneWinner::OnWin(const NodeId& winner, const ShardId& shard, Epoch epoch) {
  const auto [found, first] = winners_.try_emplace({shard, epoch}, winner);
  if (first || found->second == winner) return;
  violations_.push_back(absl::StrCat("two winners of shard ", ShortShard(shard), " epoch ",
                                     epoch.value, ": ", ShortName(found->second), " and ",
                                     ShortName(winner)));
}

void EpochsNeverGoBack::OnDurable(const PersistentState& state) {
  Marks& marks = marks_[state.self];
  const auto grow = [&](const std::string& what, Epoch& mark, Epoch value) {
    if (value < mark) {
      violations_.push_back(absl::StrCat(what, " of ", ShortName(state.self), " went back from ",
                                         mark.value, " to ", value.value));
    }
    mark = std::max(mark, value);
  };
  grow("current epoch", marks.current, state.current_epoch);
  for (const NodeRecord& record : state.nodes) {
    if (record.id == state.self && record.role == Role::kPrimary) {
      grow("config epoch", marks.config, record.config_epoch);
    }
  }
  if (!state.ledger) return;
  for (const VoteRecord& vote : state.ledger->votes) {
    grow(absl::StrCat("vote in shard ", ShortShard(vote.shard)), marks.votes[vote.shard],
         vote.epoch);
  }
}

void DurableBeforeSent::OnDurable(const PersistentState& state) {
  Durable& durable = durable_[state.self];
  durable.current = std::max(durable.current, state.current_epoch);
  for (const NodeRecord& record : state.nodes) {
    if (record.id == state.self) durable.config = std::max(durable.config, record.config_epoch);
  }
  if (!state.ledger) return;
  for (const VoteRecord& vote : state.ledger->votes) durable.votes[vote.shard] = vote;
}

void DurableBeforeSent::OnHeader(const Header& header) {
  const Epoch durable = durable_[header.sender].config;
  if (header.role != Role::kPrimary || header.config_epoch <= durable) return;
  violations_.push_back(absl::StrCat(ShortName(header.sender), " speaks of its config epoch ",
                                     header.config_epoch.value, ", durable is ", durable.value));
}

void DurableBeforeSent::OnRequest(const NodeId& candidate, Epoch epoch) {
  const Epoch durable = durable_[candidate].current;
  if (epoch <= durable) return;
  violations_.push_back(absl::StrCat(ShortName(candidate), " stands in epoch ", epoch.value,
                                     ", durable is ", durable.value));
}

void DurableBeforeSent::OnAck(const NodeId& voter, const ShardId& shard, Epoch epoch,
                              const NodeId& candidate) {
  const auto& votes = durable_[voter].votes;
  const auto found = votes.find(shard);
  // A later vote in the ledger rules out a second one in this epoch as well.
  if (found != votes.end() && (found->second.epoch > epoch ||
                               found->second == VoteRecord{shard, epoch, candidate})) {
    return;
  }
  violations_.push_back(absl::StrCat("vote of ", ShortName(voter), " for ", ShortName(candidate),
                                     " in shard ", ShortShard(shard), " epoch ", epoch.value,
                                     " left before it was durable"));
}

void OneServer::OnServers(Instant now, const std::vector<Server>& servers) {
  ++seen_;
  for (size_t i = 0; i < servers.size(); ++i) {
    for (size_t j = i + 1; j < servers.size(); ++j) {
      if (!servers[i].slots.Intersects(servers[j].slots)) continue;
      violations_.push_back(absl::StrCat(
          ShortName(servers[i].node), " and ", ShortName(servers[j].node),
          " serve the same slots at ", absl::FormatDuration(now.since_origin)));
    }
  }
}

namespace {

// Empty if a glance shows that no two of them can overlap: this is asked at every event.
std::vector<OneServer::Server> ServersIn(Cluster& cluster) {
  std::vector<std::shared_ptr<const ClusterView>> serving;
  std::set<ShardId> shards;
  int slots = 0;
  for (const Name& name : cluster.names()) {
    // A stopped one does not serve, but may go on at any time.
    if (!cluster.Running(name)) continue;
    const std::shared_ptr<const ClusterView> view = cluster.node(name).view();
    if (view->self().role != Role::kPrimary || view->state() != ClusterState::kOk) continue;
    if (view->data_missing() || view->serve_until() <= cluster.LocalNow(name)) continue;
    shards.insert(view->self().shard);
    slots += view->self().slot_count;
    serving.push_back(view);
  }
  std::vector<OneServer::Server> servers;
  if (shards.size() == serving.size() && slots <= int{kSlotCount}) return servers;
  for (const auto& view : serving) {
    servers.push_back({view->self().id, view->slots().SlotsOf(view->self().id)});
  }
  return servers;
}

}  // namespace

void Checkers::OnFrame(Cluster& cluster, const Cluster::TracedFrame& traced) {
  const Message* message = std::get_if<Message>(traced.frame);
  if (message == nullptr) return;
  durable.OnHeader(message->header);
  if (const auto* request = std::get_if<FailoverAuthRequest>(&message->body)) {
    durable.OnRequest(message->header.sender, request->epoch);
  }
  if (const auto* ack = std::get_if<FailoverAuthAck>(&message->body)) {
    const NodeId candidate = cluster.IdOf(traced.to);
    one_vote.OnAck(message->header.sender, ack->shard, ack->epoch, candidate);
    durable.OnAck(message->header.sender, ack->shard, ack->epoch, candidate);
  }
}

void Checkers::Attach(Cluster& cluster, bool imports) {
  cluster.AddFrameSink([this, &cluster](const Cluster::TracedFrame& traced) {
    OnFrame(cluster, traced);
    return true;
  });
  cluster.AddSaveSink([this](Instant, const Name&, const PersistentState& state) {
    epochs.OnDurable(state);
    durable.OnDurable(state);
  });
  cluster.AddEventSink([this, &cluster, imports](const Cluster::TracedEvent& traced) {
    if (!imports) one_server.OnServers(traced.at, ServersIn(cluster));
    const auto* ended = std::get_if<ElectionEnded>(&traced.event);
    if (ended == nullptr || ended->how != ElectionEnded::How::kWon) return;
    const std::shared_ptr<const ClusterView> view = cluster.node(traced.node).view();
    one_winner.OnWin(view->self().id, view->self().shard, ended->epoch);
  });
}

Violations Checkers::violations() const {
  Violations all;
  for (const Violations* found : {&one_vote.violations(), &one_winner.violations(),
                                  &epochs.violations(), &durable.violations(),
                                  &one_server.violations()}) {
    all.insert(all.end(), found->begin(), found->end());
  }
  return all;
}

}  // namespace clusterkit::sim
