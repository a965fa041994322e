#include "sharded_counter/service.h"

#include <utility>
#include <variant>

#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "sharded_counter/admin.h"

namespace sharded_counter {

using clusterkit::Instant;
using clusterkit::LinkId;
using clusterkit::Role;
using clusterkit::RoleChanged;

Service::Service(Ports ports, Data data, Mistake mistake)
    : ports_(std::move(ports)), mistake_(mistake), data_(std::move(data)) {}

absl::Status Service::Begin(clusterkit::Node* node) {
  node_ = node;
  last_io_ = last_try_ = ports_.now();
  // Slots without their data: if a replica has it, it shall take over.
  lost_ = data_.kind == Data::Kind::kNothing && node_->view()->self().slot_count > 0;
  if (lost_) node_->ReportDataPresent(false);
  const absl::Status status = ports_.transport->Listen(node_->options().client, this);
  if (status.ok()) Tick();
  return status;
}

void Service::Tick() {
  // Where the data is served, so that it says something of that.
  node_->ReportHostAlive();
  if (node_->view()->self().role == Role::kPrimary) {
    Lead();
  } else {
    Follow();
  }
  Report();
}

void Service::Report() {
  const bool replica = node_->view()->self().role == Role::kReplica;
  clusterkit::ReplicationStatus status;
  status.progress = data_.progress();
  status.link_up = replica && link_up_;
  status.since_last_io = replica ? ports_.now() - last_io_ : absl::ZeroDuration();
  status.obeys_pause = replica ? 0 : pause_;
  node_->ReportReplication(status);
}

void Service::OnEvent(const clusterkit::Event& event, Instant) {
  if (node_ == nullptr) return;  // Begin() looks at what has become of it.
  if (const auto* role = std::get_if<RoleChanged>(&event)) {
    if (role->id == node_->view()->self().id) OnRole(*role);
  } else if (const auto* pause = std::get_if<clusterkit::WritePauseChanged>(&event)) {
    pause_ = pause->number;
    Report();
  }
}

// The view that this speaks of is published: we are what it says.
void Service::OnRole(const RoleChanged& role) {
  for (const Waiting& waiting : std::exchange(waiting_, {})) {
    ports_.transport->Send(waiting.client, "UNKNOWN");
  }
  for (const auto& [link, follower] : std::exchange(followers_, {})) ports_.transport->Close(link);
  confirmed_.clear();
  if (role.shard_changed) {
    data_ = Data();
    Save();
  }
  if (role.to == Role::kPrimary) {
    Lead();
  } else {
    Follow();
  }
  Report();
}

void Service::Save() { ports_.save(data_); }

// --- Lines ---------------------------------------------------------------------------------------

LinkId Service::OnAccept(const std::string&) { return LinkId{next_link_++}; }

void Service::OnLinkUp(LinkId link) {
  if (link == upstream_) {
    ports_.transport->Send(link, "FOLLOW " + node_->view()->self().id.ToHex());
  }
}

void Service::OnLinkDown(LinkId link, clusterkit::LinkDownCause, const absl::Status&) {
  followers_.erase(link);
  if (link != upstream_) return;
  Leave();
  Report();  // Elections wait for this.
}

void Service::OnFrame(LinkId link, std::string_view line) {
  if (link == upstream_) return OnStream(line);
  const std::vector<std::string> words =
      absl::StrSplit(absl::string_view(line.data(), line.size()), ' ');
  const std::string answer = Answer(link, words);
  if (!answer.empty()) ports_.transport->Send(link, answer);
}

// Empty: nothing is to be said, or not yet.
std::string Service::Answer(LinkId link, const std::vector<std::string>& words) {
  const std::string& command = words[0];
  if (command == "FOLLOW" && words.size() == 2) return OnFollow(link, words[1]);
  if (command == "HAVE" && words.size() == 2) return OnHave(link, words[1]);
  if (command != "GET" && command != "INCR") return Administer(*node_, words);
  const bool sync = words.size() == 3 && command == "INCR" && words[2] == "SYNC";
  if (words.size() != 2 && !sync) return "ERROR GET key, INCR key or INCR key SYNC";
  if (!IsKey(words[1])) return "ERROR keys have 1 to 64 letters, digits or -_.:{}";
  return command == "GET" ? Get(words[1]) : Count(link, words[1], sync);
}

void Service::OnBadFrame(LinkId link, const absl::Status&) {
  ports_.transport->Close(link);
  OnLinkDown(link, clusterkit::LinkDownCause::kLocal, absl::OkStatus());
}

}  // namespace sharded_counter
