#include "replicated_register/host.h"

#include <utility>
#include <variant>

namespace replicated_register {
namespace {

using clusterkit::Instant;
using clusterkit::LinkId;
using clusterkit::Role;
using clusterkit::RoleChanged;

constexpr absl::Duration kTick = absl::Milliseconds(100);

}  // namespace

clusterkit::Progress ProgressOf(const Disk& disk) {
  const bool complete = disk.present && disk.copy.generation != 0 && !disk.own;
  return {disk.copy.history, disk.copy.offset, complete};
}

Host::Host(Surroundings around, Disk* disk, const HostOptions& options, Watcher watcher)
    : around_(std::move(around)),
      disk_(*disk),
      options_(options),
      watcher_(std::move(watcher)),
      transport_(around_.new_transport()) {
  around_.after(absl::ZeroDuration(), [this] { Begin(); });
}

void Host::Begin() {
  if (disk_.owner != View()->self().id) DropData();
  last_io_ = around_.now();
  if (!disk_.present) node().ReportDataPresent(false);
  // If the port is taken nobody reaches us; there is nobody to tell.
  (void)transport_->Listen(node().options().client, this);
  Tick();
}

void Host::Tick() {
  around_.after(kTick, [this] { Tick(); });
  if (around_.hangs()) return;
  // From the data's own turn of work: a loop that runs on does not prove that data is served.
  node().ReportHostAlive();
  const auto view = View();
  if (view->self().role == Role::kPrimary) {
    Leave();
    Lead(*view);
  } else {
    FollowPrimary(*view);
  }
  Report();
}

void Host::Report() {
  const bool replica = View()->self().role == Role::kReplica;
  node().ReportReplication({ProgressOf(disk_), replica && link_up_,
                            replica ? around_.now() - last_io_ : absl::ZeroDuration(),
                            replica ? 0 : obeys_pause_});
}

void Host::OnEvent(const clusterkit::Event& event, Instant) {
  if (const auto* role = std::get_if<RoleChanged>(&event)) {
    if (role->id == View()->self().id) OnRole(*role);
  } else if (const auto* rebound = std::get_if<clusterkit::SlotsRebound>(&event)) {
    DropSlots(*rebound);
  } else if (const auto* pause = std::get_if<clusterkit::WritePauseChanged>(&event)) {
    obeys_pause_ = pause->number;
    Report();
  } else if (const auto* due = std::get_if<clusterkit::SlotTransferDue>(&event)) {
    if (!outgoing_ || outgoing_->target != due->target) StopMoving();
    if (!outgoing_) outgoing_ = Outgoing{due->target, {}, {}};
    due->slots.ForEach([&](clusterkit::SlotId slot) { outgoing_->slots[slot] = due->number; });
  } else if (const auto* mark = std::get_if<clusterkit::SlotMigrationChanged>(&event)) {
    const bool due = outgoing_ && mark->mark &&
                     *mark->mark == clusterkit::OpenSlots::Mark{
                                        clusterkit::SlotMigration::kExporting, outgoing_->target};
    if (outgoing_ && !due) {
      mark->slots.ForEach([&](clusterkit::SlotId slot) { outgoing_->slots.erase(slot); });
    }
  }
}

// The view that this speaks of is published: we are what it says.
void Host::OnRole(const RoleChanged& role) {
  waiting_.clear();  // Their clients never hear whether it was done.
  StopMoving();
  arrivals_.clear();
  confirmed_.clear();
  for (const auto& [link, follower] : std::exchange(followers_, {})) transport_->Close(link);
  if (role.to == Role::kPrimary) {
    Leave();
    if (role.cause == RoleChanged::Cause::kElected) {
      // Nobody else was elected in this epoch: what is written under it has one author.
      if (options_.mistake != Mistake::kKeepHistory) disk_.copy.history = role.config_epoch;
      if (following_) disk_.copy.holders.erase(*following_);
      disk_.own = true;
      Changed();
    } else {
      DropData();
    }
  } else {
    if (role.shard_changed) DropData();
    if (options_.mistake == Mistake::kTrustOwnData) disk_.own = false;
    FollowPrimary(*View());
  }
  Report();
}

void Host::DropData() {
  disk_.owner = View()->self().id;
  disk_.copy = Copy();
  disk_.own = false;
  disk_.present = true;
}

void Host::Changed() {
  ++disk_.copy.offset;
  watcher_.saved();
}

LinkId Host::OnAccept(const std::string&) { return LinkId{next_link_++}; }

void Host::OnLinkUp(LinkId link) {
  if (link == upstream_) transport_->Send(link, Encode(Follow{View()->self().id}));
}

void Host::OnLinkDown(LinkId link, clusterkit::LinkDownCause, const absl::Status&) {
  followers_.erase(link);
  if (outgoing_ && outgoing_->link == link) outgoing_->link.reset();
  if (link == upstream_) {
    upstream_.reset();
    Leave();
    Report();  // Elections wait for this.
  }
}

void Host::OnFrame(LinkId link, std::string_view frame) {
  if (around_.hangs()) return;
  if (const std::optional<Message> message = Decode(frame)) {
    std::visit([&](const auto& m) { On(link, m); }, *message);
  } else {
    transport_->Close(link);
  }
}

void Host::OnBadFrame(LinkId link, const absl::Status&) { transport_->Close(link); }

}  // namespace replicated_register
