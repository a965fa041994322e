// What a service does as a replica: keeps a copy of whatever its node's primary has.

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "sharded_counter/service.h"

namespace sharded_counter {

using clusterkit::LinkId;

namespace {

// A primary is heard in every tick.
constexpr absl::Duration kLinkTimeout = absl::Seconds(1);

}  // namespace

// On becoming a replica, when the primary changes, and in each tick.
void Service::Follow() {
  const auto view = node_->view();
  const auto& id = view->self().primary;
  const clusterkit::NodeView* primary = id ? view->Find(*id) : nullptr;
  const clusterkit::Endpoint to = primary == nullptr ? clusterkit::Endpoint() : primary->client;
  const bool silent = ports_.now() - std::max(last_io_, last_try_) > kLinkTimeout;
  if (upstream_ && (silent || to != upstream_address_)) Leave();
  if (upstream_ || to.host.empty()) return;
  upstream_ = LinkId{next_link_++};
  upstream_address_ = to;
  last_try_ = ports_.now();
  ports_.transport->Dial(*upstream_, to);
}

void Service::OnStream(std::string_view line) {
  absl::Status status;
  if (line == "ALIVE") {
    if (!link_up_) return;
  } else if (line.starts_with("DO ")) {
    status = TakeChange(line);
  } else {
    status = TakeCopy(line);
  }
  if (!status.ok()) {  // Not a primary of ours, or not any more. We shall learn who is.
    Leave();
    return Report();
  }
  last_io_ = ports_.now();
  ports_.transport->Send(*upstream_, absl::StrCat("HAVE ", data_.offset));
}

absl::Status Service::TakeCopy(std::string_view line) {
  absl::StatusOr<Data> copy = ParseData(line);
  if (!copy.ok()) return copy.status();
  if (mistake_ == Mistake::kMergeCopy) {
    for (const auto& [key, count] : data_.counters) copy->counters[key] += count;
  }
  if (const absl::Status taken = data_.TakeCopy(*copy); !taken.ok()) return taken;
  Save();
  if (lost_) node_->ReportDataPresent(true);
  lost_ = false;
  link_up_ = true;
  last_io_ = ports_.now();
  Report();
  return absl::OkStatus();
}

absl::Status Service::TakeChange(std::string_view line) {
  const absl::StatusOr<NumberedChange> next = ParseChange(line);
  if (!next.ok()) return next.status();
  if (!link_up_) return absl::FailedPreconditionError("no copy yet");
  const absl::Status taken = data_.Take(next->epoch, next->offset, next->change);
  if (taken.ok()) Save();
  return taken;
}

void Service::Leave() {
  if (upstream_) ports_.transport->Close(*upstream_);
  upstream_.reset();
  link_up_ = false;
}

}  // namespace sharded_counter
