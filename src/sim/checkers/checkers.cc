// Connects the checkers to a simulated cluster.

#include "clusterkit/sim/checkers.h"

#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "clusterkit/describe.h"

namespace clusterkit::sim {

void Checker::SetNames(NameOf name_of, TimeNow time_now) {
  name_of_ = std::move(name_of);
  time_now_ = std::move(time_now);
}

std::string Checker::Who(const NodeId& id) const { return name_of_ ? name_of_(id) : ShortName(id); }

void Checker::Report(std::string text) {
  if (violations_.size() == kMostKept) return;
  if (time_now_) text = absl::StrCat(time_now_(), " ", text);
  violations_.push_back({rule_, std::move(text)});
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
    std::shared_ptr<const ClusterView> view = cluster.node(name).view();
    if (view->self().role != Role::kPrimary || view->state() != ClusterState::kOk) continue;
    if (view->data_missing() || view->serve_until() <= cluster.LocalNow(name)) continue;
    shards.insert(view->self().shard);
    slots += view->self().slot_count;
    serving.push_back(std::move(view));
  }
  std::vector<OneServer::Server> servers;
  if (shards.size() == serving.size() && slots <= int{kSlotCount}) return servers;
  for (const auto& view : serving) {
    servers.push_back({view->self().id, view->slots().SlotsOf(view->self().id)});
  }
  return servers;
}

// A view that rests on a save is published when that is durable.
constexpr absl::Duration kQuickDisk = absl::Milliseconds(5);
constexpr int kViewsUnderWay = 3;
constexpr absl::Duration kViewsArePublished = absl::Seconds(5);
// Several views may come between two looks at a node.
constexpr size_t kElectorates = 16;

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

void Checkers::Sample() { one_server.OnServers(cluster_->now(), ServersIn(*cluster_)); }

void Checkers::OnSent(const Cluster::TracedFrame& traced) {
  Watch(traced.from);
  const Message* message = std::get_if<Message>(traced.frame);
  if (message == nullptr) return;
  const NodeId& sender = message->header.sender;
  durable.OnHeader(message->header);
  if (const auto* request = std::get_if<FailoverAuthRequest>(&message->body)) {
    durable.OnRequest(sender, request->epoch);
    lease.OnRequest(sender, request->epoch, cluster_->LocalNow(traced.from));
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
    fail.OnNotice(receiver, *notice);
  } else if (const auto* ack = std::get_if<FailoverAuthAck>(&message->body)) {
    lease.OnVote(receiver, header.sender, ack->epoch);
  } else if (const auto* request = std::get_if<FailoverAuthRequest>(&message->body)) {
    requests_[{receiver, header.sender}] = {*request, header.progress,
                                            cluster_->node(traced.to).view(), now};
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
      fail.OnFail(self, *health, watched.electorates);
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
  const auto found = requests_.find({self, vote.candidate});
  if (found == requests_.end() || found->second.request.epoch != vote.epoch) return;
  const Asked& asked = found->second;
  if (vote.reason == VoteRefusal::kFresherSibling) {
    freshest.OnRefusal(self, vote.shard, asked.request.primary, asked.at);
  } else if (vote.reason == VoteRefusal::kNone) {
    freshest.OnVote(*asked.view, vote.candidate, vote.shard, asked.request.primary, asked.progress,
                    Patience(cluster_->node(voter).options()), asked.at);
  }
}

// Called when anything of the node is seen, so that no view of it is missed for long.
void Checkers::Watch(const Name& name) {
  if (!cluster_->Running(name)) return;
  const Node& node = cluster_->node(name);
  std::shared_ptr<const ClusterView> view = node.view();
  Watched& watched = watched_[name];
  watched.slow_disk |= cluster_->DiskFaultsOf(name).sync_latency > kQuickDisk;
  const bool changed = view != watched.last;
  if (changed) {
    auto& electorates = watched.electorates;
    if (electorates.empty() || electorates.back() != view->voters()) {
      if (electorates.size() == kElectorates) electorates.erase(electorates.begin());
      electorates.push_back(view->voters());
    }
    watched.before = std::exchange(watched.last, std::move(view));
  }
  CheckLease(node, watched, changed, cluster_->LocalNow(name));
}

void Checkers::CheckLease(const Node& node, Watched& watched, bool view_changed, Instant now) {
  const ClusterView& view = *watched.last;
  std::optional<Watched::Growth>& growth = watched.growth;
  if (growth && view_changed) {
    ++growth->views_since;
    growth->voters.push_back(view.voters());
  }
  if (growth && (growth->views_since == kViewsUnderWay ||
                 cluster_->now() - growth->seen > kViewsArePublished)) {
    lease.OnLease(growth->primary, growth->until, growth->voters, node.options().ServeLease(),
                  growth->at);
    growth.reset();
  }
  const Instant until = view.serve_until();
  if (watched.slow_disk) return;
  if (view.self().role != Role::kPrimary || until <= now || until <= watched.until) return;
  watched.until = until;
  growth = Watched::Growth{view.self().id, until, now, cluster_->now(), watched.electorates, 0};
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
  std::set<const Checker*> excused;
  if (double_serving_allowed_ || forgetful_) excused.insert(&one_server);
  if (forgetful_) excused.insert({&one_vote, &one_winner, &epochs, &durable, &freshest});
  Violations all_found;
  for (const Checker* checker : all()) {
    if (excused.contains(checker)) continue;
    const Violations& found = checker->violations();
    all_found.insert(all_found.end(), found.begin(), found.end());
  }
  return all_found;
}

}  // namespace clusterkit::sim
