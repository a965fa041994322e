// Connects the checkers to a simulated cluster.

#include "clusterkit/sim/checkers.h"

#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "clusterkit/describe.h"

namespace clusterkit::sim {

namespace {

// What a node knows is published when it is durable: soon, unless its disk is slow.
constexpr absl::Duration kQuickDisk = absl::Milliseconds(5);
constexpr absl::Duration kSoon = absl::Milliseconds(50);
constexpr absl::Duration kNotSoon = absl::Seconds(5);

absl::Duration Patience(const Options& options) {
  return options.RankUnit() * 4 + options.RoundLength();
}

}  // namespace

void Checkers::Attach(Cluster& cluster, Truth truth) {
  cluster_ = &cluster;
  truth_ = std::move(truth);
  SetTime([&cluster] { return absl::FormatDuration(cluster.now().since_origin); });
  cluster.AddFrameSink([this](const Cluster::TracedFrame& traced) {
    OnSent(traced);
    return true;
  });
  cluster.AddDeliverySink([this](const Cluster::TracedFrame& traced) { OnDelivered(traced); });
  cluster.AddEventSink([this](const Cluster::TracedEvent& traced) { OnEvent(traced); });
  cluster.AddSaveSink([this](Instant, const Name&, const PersistentState& state) {
    epochs.OnDurable(state);
    durable.OnDurable(state);
  });
  cluster.AddStartSink([this](const Name& name) {
    const NodeId& id = cluster_->IdOf(name);
    fail.OnStart(id);
    freshest.OnStart(id);
    forgotten.OnStart(id);
    watched_.erase(name);
    // What it begins with, it need not save again.
    if (const std::optional<PersistentState> disk = cluster_->DiskOf(name)) {
      durable.OnDurable(*disk);
    }
  });
}

void Checkers::SetTime(const Checker::TimeNow& time_now) {
  const auto name_of = [this](const NodeId& id) { return cluster_->NameOf(id); };
  for (Checker* checker : List()) checker->SetNames(name_of, time_now);
}

void Checkers::Sample() {
  std::vector<OneServer::Server> servers;
  SlotSet all;
  bool overlap = false;
  for (const Name& name : cluster_->names()) {
    // A stopped one does not serve, but may go on at any time.
    if (!cluster_->Running(name)) continue;
    std::shared_ptr<const ClusterView> view = cluster_->node(name).view();
    if (view->self().role != Role::kPrimary || view->state() != ClusterState::kOk) continue;
    if (view->data_missing() || view->serve_until() <= cluster_->LocalNow(name)) continue;
    Served& served = served_[name];
    if (served.view != view) {
      served.slots = view->slots().SlotsOf(view->self().id);
      // Of a slot that it gives away it serves the keys that it still holds: none, by the time the
      // other end takes the slot.
      for (const OpenSlots::Group& group : view->open_slots().Groups()) {
        if (group.mark.direction == SlotMigration::kExporting) served.slots.Remove(group.slots);
      }
      served.view = std::move(view);
    }
    overlap = overlap || all.Intersects(served.slots);
    all.Add(served.slots);
    servers.push_back({served.view->self().id, served.slots});
  }
  // Most of the time there is nothing to compare one by one.
  if (!overlap) servers.clear();
  one_server.OnServers(cluster_->now(), servers);
}

void Checkers::OnRestored(const Name& name) {
  // Not of who ran there last.
  if (const std::optional<PersistentState> disk = cluster_->DiskOf(name)) {
    one_vote.OnRestored(disk->self);
    epochs.OnRestored(disk->self);
  }
  one_winner.Excuse();
  one_server.Excuse();
}

void Checkers::OnSent(const Cluster::TracedFrame& traced) {
  Watch(traced.from);
  const Message* message = std::get_if<Message>(traced.frame);
  if (message == nullptr) return;
  const NodeId& sender = message->header.sender;
  durable.OnHeader(message->header);
  if (const auto* request = std::get_if<FailoverAuthRequest>(&message->body)) {
    durable.OnRequest(sender, request->epoch);
    lease.OnRequest(sender, request->epoch, request->round,
                    cluster_->node(traced.from).options().ServeLease(),
                    cluster_->LocalNow(traced.from));
    if (truth_) synced.OnRequest(sender, request->epoch, truth_(traced.from));
  }
  if (const auto* notice = std::get_if<FailNotice>(&message->body)) {
    fail.OnConcluded(sender, notice->subject,
                     cluster_->node(traced.from).options().ReportValidity(),
                     cluster_->LocalNow(traced.from));
  }
  if (const auto* ack = std::get_if<FailoverAuthAck>(&message->body)) {
    const NodeId candidate = cluster_->IdOf(traced.to);
    one_vote.OnAck(sender, ack->shard, ack->epoch, candidate);
    durable.OnAck(sender, ack->shard, ack->epoch, candidate);
  }
}

void Checkers::OnDelivered(const Cluster::TracedFrame& traced) {
  Watch(traced.to);
  const Message* message = std::get_if<Message>(traced.frame);
  if (message == nullptr) return;
  const Header& header = message->header;
  const NodeId receiver = cluster_->IdOf(traced.to);
  const Instant now = cluster_->LocalNow(traced.to);
  const auto* final_word = std::get_if<ProgressReport>(&message->body);
  freshest.OnProgress(receiver, header.sender, header.progress,
                      final_word != nullptr && final_word->final
                          ? std::optional<NodeId>(final_word->primary)
                          : std::nullopt);
  if (const auto* heartbeat = std::get_if<Heartbeat>(&message->body)) {
    if (heartbeat->kind == Heartbeat::Kind::kPong && heartbeat->stamp != 0 &&
        !heartbeat->withholds_lease) {
      lease.OnAnswer(receiver, header.sender,
                     Instant{absl::Nanoseconds(static_cast<int64_t>(heartbeat->stamp))});
    }
    for (const GossipEntry& entry : heartbeat->gossip) {
      fail.OnReport(receiver, header.sender, entry.id, entry.health != Health::kOnline, now);
    }
  } else if (const auto* report = std::get_if<SuspicionReport>(&message->body)) {
    for (const SuspicionReport::Item& item : report->items) {
      fail.OnReport(receiver, header.sender, item.subject, item.suspected, now);
    }
  } else if (const auto* notice = std::get_if<FailNotice>(&message->body)) {
    fail.OnNotice(receiver, *notice, now);
  } else if (const auto* ack = std::get_if<FailoverAuthAck>(&message->body)) {
    lease.OnVote(receiver, header.sender, ack->epoch);
  } else if (const auto* request = std::get_if<FailoverAuthRequest>(&message->body)) {
    requests_[{receiver, header.sender}] = {*request, now};
    freshest.OnRequest(*cluster_->node(traced.to).view(), header.sender, header.shard,
                       request->primary, header.progress);
  }
}

void Checkers::OnEvent(const Cluster::TracedEvent& traced) {
  Watch(traced.node);
  Sample();
  Watched& watched = watched_[traced.node];
  const ClusterView& view = *watched.last;
  const NodeId& self = view.self().id;
  const Instant now = cluster_->LocalNow(traced.node);
  if (const auto* ended = std::get_if<ElectionEnded>(&traced.event)) {
    if (ended->how == ElectionEnded::How::kWon) {
      one_winner.OnWin(self, view.self().shard, ended->epoch);
    }
  } else if (const auto* health = std::get_if<HealthChanged>(&traced.event)) {
    if (health->to == Health::kFail) {
      // Once more, in case there was nobody to tell.
      if (health->cause == HealthChanged::Cause::kReports) {
        fail.OnConcluded(self, health->id, cluster_->node(traced.node).options().ReportValidity(),
                         now);
      }
      fail.OnFail(self, *health, Electorates(watched));
    } else if (health->to == Health::kOnline) {
      fail.OnOnline(self, health->id, now);
      freshest.OnPrimaryBack(self, health->id);
    }
  } else if (const auto* rebound = std::get_if<SlotsRebound>(&traced.event)) {
    if (watched.before != nullptr) slots.OnRebound(self, *rebound, *watched.before, view);
  } else if (const auto* added = std::get_if<NodeAdded>(&traced.event)) {
    forgotten.OnAdded(self, *added, now);
  } else if (const auto* role = std::get_if<RoleChanged>(&traced.event)) {
    // Told to be a primary: a reset, which ends bans.
    if (role->id == self && role->to == Role::kPrimary &&
        role->cause == RoleChanged::Cause::kCommand) {
      forgotten.OnStart(self);
      freshest.OnStart(self);
    }
  } else if (const auto* vote = std::get_if<VoteCast>(&traced.event)) {
    OnVoteCast(traced.node, *vote);
  }
}

void Checkers::OnVoteCast(const Name& voter, const VoteCast& vote) {
  const NodeId self = cluster_->IdOf(voter);
  if (vote.candidate == self && vote.reason == VoteRefusal::kNone) {
    one_vote.OnAck(self, vote.shard, vote.epoch, self);
  }
  const auto found = requests_.find({self, vote.candidate});
  if (found == requests_.end() || found->second.request.epoch != vote.epoch) return;
  const Asked& asked = found->second;
  if (vote.reason == VoteRefusal::kFresherSibling) {
    freshest.OnRefusal(self, vote.shard, asked.request.primary, asked.at);
  } else if (vote.reason == VoteRefusal::kNone) {
    freshest.OnVote(self, vote.candidate, vote.shard, asked.request.primary,
                    Patience(cluster_->node(voter).options()), asked.at);
  }
}

// Called when anything of the node is seen, so that no view of it is missed for long.
void Checkers::Watch(const Name& name) {
  if (!cluster_->Running(name)) return;
  const Node& node = cluster_->node(name);
  std::shared_ptr<const ClusterView> view = node.view();
  Watched& watched = watched_[name];
  const Instant seen = cluster_->now();
  if (cluster_->DiskFaultsOf(name).sync_latency > kQuickDisk) watched.slow_until = seen + kNotSoon;
  bool electorate_changed = false;
  if (view != watched.last) {
    auto& electorates = watched.electorates;
    if (electorates.empty() || electorates.back().voters != view->voters()) {
      if (!electorates.empty()) {
        electorates.back().until = seen + (seen < watched.slow_until ? kNotSoon : kSoon);
      }
      electorates.push_back({view->voters()});
      electorate_changed = true;
    }
    watched.before = std::exchange(watched.last, std::move(view));
  }
  CheckLeases(node, watched, electorate_changed, cluster_->LocalNow(name));
}

std::vector<LeaseNeedsMajority::Voters> Checkers::Electorates(Watched& watched) const {
  std::erase_if(watched.electorates, [this](const Electorate& electorate) {
    return electorate.until < cluster_->now();
  });
  std::vector<LeaseNeedsMajority::Voters> voters;
  for (const Electorate& electorate : watched.electorates) voters.push_back(electorate.voters);
  return voters;
}

void Checkers::CheckLeases(const Node& node, Watched& watched, bool electorate_changed,
                           Instant now) {
  const ClusterView& view = *watched.last;
  const Instant seen = cluster_->now();
  if (electorate_changed) {
    for (Growth& growth : watched.growths) growth.voters.push_back(view.voters());
  }
  while (!watched.growths.empty() && seen - watched.growths.front().seen > kSoon) {
    const Growth& growth = watched.growths.front();
    lease.OnLease(growth.primary, growth.until, growth.voters, node.options().ServeLease(),
                  growth.at);
    watched.growths.pop_front();
  }
  const Instant until = view.serve_until();
  if (view.self().role != Role::kPrimary || until <= now || until <= watched.until) return;
  watched.until = until;
  // With a slow disk a node is too far ahead of what it shows.
  if (seen < watched.slow_until) return;
  watched.growths.push_back({view.self().id, until, now, seen, Electorates(watched)});
}

std::vector<Checker*> Checkers::List() {
  return {&one_vote, &one_winner, &epochs,   &durable,    &slots,    &fail,
          &lease,    &synced,     &freshest, &one_server, &forgotten};
}

std::vector<const Checker*> Checkers::all() const {
  const std::vector<Checker*> list = const_cast<Checkers*>(this)->List();
  return {list.begin(), list.end()};
}

Violations Checkers::violations() const {
  Violations all_found;
  for (const Checker* checker : all()) {
    const Violations& found = checker->violations();
    all_found.insert(all_found.end(), found.begin(), found.end());
  }
  return all_found;
}

}  // namespace clusterkit::sim
