#include "clusterkit/sim/data_plane.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "clusterkit/node.h"
#include "clusterkit/observer.h"
#include "clusterkit/transport.h"

namespace clusterkit::sim {
namespace {

// Writes that one process took as a primary, without anything in between: the offsets from
// `start` to `end`. Data is a list of them. A segment is never continued by anybody else, so that
// two copies agree on what they both have of it.
struct Segment {
  uint64_t id = 0;
  uint64_t start = 0, end = 0;
};
using Lineage = std::vector<Segment>;

// What a node's data is, as on its disk, and what the caller wants reported instead.
struct Data {
  NodeId owner;  // A node with a new identity begins without data.
  Progress progress;
  Lineage lineage;
  bool present = true;
  uint64_t writes = 0;
  bool host_alive = true;
  std::optional<ReplicationStatus> override_status;
};

// What a primary sends to its replicas: its id, history, offset, and id, start and end of each
// segment.
std::string EncodeData(const NodeId& self, const Data& data) {
  std::string text =
      absl::StrCat(self.ToHex(), " ", data.progress.history.value, " ", data.progress.offset);
  for (const Segment& s : data.lineage) absl::StrAppend(&text, " ", s.id, " ", s.start, " ", s.end);
  return text;
}

struct Copied {
  NodeId from;
  Progress progress;
  Lineage lineage;
};

std::optional<Copied> DecodeData(std::string_view text) {
  const std::vector<absl::string_view> words =
      absl::StrSplit(absl::string_view(text.data(), text.size()), ' ');
  if (words.size() % 3 != 0) return std::nullopt;
  const absl::StatusOr<NodeId> from = NodeId::FromHex({words[0].data(), words[0].size()});
  if (!from.ok()) return std::nullopt;
  std::vector<uint64_t> numbers(words.size() - 1);
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (!absl::SimpleAtoi(words[i + 1], &numbers[i])) return std::nullopt;
  }
  Copied copied{*from, {Epoch{numbers[0]}, numbers[1], false}, {}};
  for (size_t i = 2; i < numbers.size(); i += 3) {
    copied.lineage.push_back({numbers[i], numbers[i + 1], numbers[i + 2]});
  }
  return copied;
}

}  // namespace

class DataPlane::Impl {
 public:
  class Host;

  Impl(Cluster& cluster, const DataPlaneOptions& options) : cluster(cluster), options(options) {}

  Cluster& cluster;
  const DataPlaneOptions options;
  std::map<Name, Data> data;
  uint64_t segments = 0;
  std::map<uint64_t, Segment> acknowledged;  // By segment.
  Writes writes;
};

// The host of one process.
class DataPlane::Impl::Host final : public Observer, public Transport::Handler {
 public:
  Host(std::shared_ptr<Impl> plane, Name name)
      : plane_(std::move(plane)),
        name_(std::move(name)),
        data_(plane_->data[name_]),
        last_io_(Now()),
        transport_(plane_->cluster.NewTransport(name_)) {
    plane_->cluster.After(name_, absl::ZeroDuration(), [this] { Begin(); });
  }

  // --- Observer ------------------------------------------------------------------------------
  void OnEvent(const Event& event, Instant) override {
    if (const auto* role = std::get_if<RoleChanged>(&event)) {
      if (role->id == View()->self().id) OnOwnRole(*role);
    } else if (const auto* guard = std::get_if<DataGuardChanged>(&event)) {
      // Nobody else has the data: what is there, if only nothing, is the data now.
      if (!guard->active && View()->self().role == Role::kPrimary) data_.present = true;
    } else if (const auto* pause = std::get_if<WritePauseChanged>(&event)) {
      obeys_pause_ = pause->number;
      Report();
    } else if (const auto* due = std::get_if<SlotTransferDue>(&event)) {
      Transfer(*due);
    }
  }

  // --- Transport::Handler --------------------------------------------------------------------
  LinkId OnAccept(const std::string&) override {
    const LinkId link{next_link_++};
    replicas_.insert(link);
    return link;
  }
  void OnLinkUp(LinkId) override {}
  void OnLinkDown(LinkId link, LinkDownCause, const absl::Status&) override {
    if (replicas_.erase(link) == 0 && link == upstream_) LoseUpstream();
  }
  void OnFrame(LinkId link, std::string_view frame) override {
    if (link != upstream_ || !data_.host_alive) return;
    const std::optional<Copied> copied = DecodeData(frame);
    // At the address of our primary there may be somebody else by now, even a new, empty node.
    if (!copied || copied->from != View()->self().primary) return;
    last_io_ = Now();
    Copy(copied->progress, copied->lineage);
  }
  void OnBadFrame(LinkId link, const absl::Status&) override { transport_->Close(link); }

 private:
  Node& node() const { return plane_->cluster.node(name_); }
  std::shared_ptr<const ClusterView> View() const { return node().view(); }
  Instant Now() const { return plane_->cluster.LocalNow(name_); }

  void Begin() {
    data_.host_alive = true;  // Whatever hung, ended with its process.
    const NodeId id = View()->self().id;
    if (data_.owner != id) {
      data_.owner = id;
      data_.progress = Progress();
      data_.lineage.clear();
      data_.present = true;
    }
    if (!data_.present) node().ReportDataPresent(false);
    // If the port is taken the node has no replicas; there is nobody to tell.
    (void)transport_->Listen(node().options().client, this);
    Tick();
  }

  void Tick() {
    plane_->cluster.After(name_, plane_->options.tick, [this] { Tick(); });
    if (!data_.host_alive) return;
    node().ReportHostAlive();
    const std::shared_ptr<const ClusterView> view = View();
    if (view->self().role == Role::kPrimary) {
      ActAsPrimary(*view);
    } else {
      FollowPrimary(*view);
    }
    Report();
  }

  void ActAsPrimary(const ClusterView& view) {
    DropUpstream();
    if (!data_.present) return;
    data_.progress.synced = true;
    const bool serves = view.self().slot_count > 0 && view.state() == ClusterState::kOk &&
                        !view.data_missing() && Now() < view.serve_until();
    if (serves && obeys_pause_ == 0) Write(plane_->options.writes_per_tick);
    if (view.data_missing()) return;
    for (LinkId link : replicas_) transport_->Send(link, EncodeData(view.self().id, data_));
  }

  // Acknowledged at once: replication is asynchronous.
  void Write(uint64_t count) {
    uint64_t& offset = data_.progress.offset;
    if (std::exchange(new_segment_, false)) {
      data_.lineage.push_back({++plane_->segments, offset, offset});
    }
    offset += count;
    data_.writes += count;
    data_.lineage.back().end = offset;
    plane_->acknowledged[data_.lineage.back().id] = data_.lineage.back();
  }

  void FollowPrimary(const ClusterView& view) {
    for (LinkId link : std::exchange(replicas_, {})) transport_->Close(link);
    const NodeView* primary = view.self().primary ? view.Find(*view.self().primary) : nullptr;
    const Endpoint to = primary == nullptr ? Endpoint() : primary->client;
    const bool silent = Now() - std::max(last_io_, last_try_) > plane_->options.link_timeout;
    if (upstream_ && (silent || to != upstream_address_)) LoseUpstream();
    if (upstream_ || to.host.empty()) return;
    upstream_ = LinkId{next_link_++};
    upstream_address_ = to;
    last_try_ = Now();
    transport_->Dial(*upstream_, to);
  }

  // A copy that is ahead of its primary, or from a later history, has taken writes that this
  // primary never saw: it starts over, as does an empty one.
  void Copy(const Progress& primary, const Lineage& lineage) {
    const Progress& own = data_.progress;
    const bool diverged = own.history > primary.history || own.offset > primary.offset;
    if (!syncing_ && (!own.synced || diverged)) {
      syncing_ = true;
      data_.progress.synced = false;
      const LinkId link = *upstream_;
      plane_->cluster.After(name_, plane_->options.full_sync, [this, link] {
        if (syncing_ && upstream_ == link) FinishSync();
      });
    }
    source_ = primary;
    source_lineage_ = lineage;
    if (!syncing_) {
      data_.progress.history = primary.history;
      data_.progress.offset = primary.offset;
      data_.lineage = lineage;
    }
    if (!std::exchange(link_up_, true)) Report();
  }

  void FinishSync() {
    syncing_ = false;
    data_.progress = {source_.history, source_.offset, true};
    data_.lineage = source_lineage_;
    if (!std::exchange(data_.present, true)) node().ReportDataPresent(true);
    Report();
  }

  // Elections wait for this report.
  void LoseUpstream() {
    const bool was_up = link_up_;
    DropUpstream();
    if (was_up) Report();
  }

  void DropUpstream() {
    if (upstream_) transport_->Close(*upstream_);
    upstream_.reset();
    link_up_ = syncing_ = false;
  }

  void OnOwnRole(const RoleChanged& role) {
    if (role.cause == RoleChanged::Cause::kElected) data_.progress.history = role.config_epoch;
    if (role.shard_changed) {
      data_.progress = Progress();
      data_.lineage.clear();
    }
    new_segment_ = true;
    const std::shared_ptr<const ClusterView> view = View();
    if (role.to == Role::kPrimary) {
      DropUpstream();
    } else {
      FollowPrimary(*view);
    }
    Report();
  }

  void Report() {
    if (!data_.host_alive) return;
    if (data_.override_status) {
      node().ReportReplication(*data_.override_status);
      return;
    }
    const bool replica = View()->self().role == Role::kReplica;
    node().ReportReplication({data_.progress, replica && link_up_,
                              replica ? Now() - last_io_ : absl::ZeroDuration(),
                              replica ? 0 : obeys_pause_});
  }

  // There are no keys, but sending them takes time, and a host that hangs sends none.
  void Transfer(const SlotTransferDue& due) {
    plane_->cluster.After(name_, plane_->options.full_sync, [this, due] {
      if (!data_.host_alive) return Transfer(due);
      node().ReportSlotsTransferred(due.number, due.slots);
    });
  }

  const std::shared_ptr<Impl> plane_;
  const Name name_;
  Data& data_;
  Instant last_io_;  // With the primary; at first, the start.
  Instant last_try_ = Instant::InfinitePast();
  std::unique_ptr<Transport> transport_;
  uint64_t next_link_ = 1;
  std::set<LinkId> replicas_;
  std::optional<LinkId> upstream_;
  Endpoint upstream_address_;
  bool new_segment_ = true;
  Progress source_;  // The primary's, as last heard.
  Lineage source_lineage_;
  bool link_up_ = false;  // Bytes have arrived on the upstream link.
  bool syncing_ = false;
  uint64_t obeys_pause_ = 0;
};

DataPlane::DataPlane(Cluster& cluster, const DataPlaneOptions& options)
    : impl_(std::make_shared<Impl>(cluster, options)) {
  cluster.SetHostFactory([impl = impl_](const Name& name, Cluster&) {
    return std::make_unique<Impl::Host>(impl, name);
  });
}

DataPlane::~DataPlane() = default;

uint64_t DataPlane::WritesTaken(const Name& name) const { return impl_->data[name].writes; }

std::optional<Progress> DataPlane::ProgressOf(const Name& name) const {
  return impl_->data[name].progress;
}

// A write survives if the primary that owns slots in the end has it.
void DataPlane::AtRest() {
  std::map<uint64_t, uint64_t> surviving;
  for (const auto& [name, data] : impl_->data) {
    if (!impl_->cluster.Running(name)) continue;
    const NodeView self = impl_->cluster.node(name).view()->self();
    if (self.role != Role::kPrimary || self.slot_count == 0) continue;
    for (const Segment& s : data.lineage) {
      surviving[s.id] = std::max(surviving[s.id], s.end - s.start);
    }
  }
  Writes& writes = impl_->writes;
  writes = Writes();
  for (const auto& [id, s] : impl_->acknowledged) {
    const uint64_t taken = s.end - s.start;
    writes.acknowledged += taken;
    writes.lost += taken - std::min(taken, surviving[id]);
  }
}

Workload::Writes DataPlane::CountWrites() const { return impl_->writes; }

void DataPlane::OverrideReplication(const Name& name,
                                    const std::optional<ReplicationStatus>& status) {
  impl_->data[name].override_status = status;
  if (status && impl_->cluster.Running(name) && !impl_->cluster.Paused(name)) {
    impl_->cluster.node(name).ReportReplication(*status);
  }
}

void DataPlane::SetHostAlive(const Name& name, bool alive) { impl_->data[name].host_alive = alive; }

bool DataPlane::HostAlive(const Name& name) const { return impl_->data[name].host_alive; }

void DataPlane::SetDataPresent(const Name& name, bool present) {
  Data& data = impl_->data[name];
  data.present = present;
  if (!present) {
    data.progress = Progress();
    data.lineage.clear();
  }
  if (impl_->cluster.Running(name) && !impl_->cluster.Paused(name)) {
    impl_->cluster.node(name).ReportDataPresent(present);
  }
}

}  // namespace clusterkit::sim
