#include "host_under_simulation/client.h"

#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace host_under_simulation {

using clusterkit::LinkId;

namespace {

constexpr uint16_t kPort = 7000;
constexpr absl::Duration kBetweenIncrements = absl::Milliseconds(50);
// Then the client does not know whether the increment was counted, and goes on with the next.
constexpr absl::Duration kPatience = absl::Milliseconds(500);

}  // namespace

Client::Client(clusterkit::sim::Cluster& cluster, clusterkit::sim::Name name, Tally* tally,
               std::function<void(uint64_t)> told)
    : cluster_(cluster),
      name_(std::move(name)),
      tally_(*tally),
      told_(std::move(told)),
      transport_(cluster.NewTransport(name_)) {
  // What is dialled is heard of by who listens; nobody else dials here.
  (void)transport_->Listen({"", kPort}, this);
  cluster_.After(name_, kBetweenIncrements, [this] { Tick(); });
}

void Client::Tick() {
  cluster_.After(name_, kBetweenIncrements, [this] { Tick(); });
  if (tally_.stopped) return;
  if (asked_at_) {
    if (cluster_.LocalNow(name_) - *asked_at_ < kPatience) return;
    Leave();
  }
  if (up_) return Send();
  if (link_) return;
  // Any node that is known will do, and says who owns the slot.
  const auto view = cluster_.node(name_).view();
  const clusterkit::NodeView* owner = view->OwnerOf(clusterkit::SlotForKey(name_));
  Connect(owner == nullptr ? view->self().client : owner->client);
}

void Client::Connect(const clusterkit::Endpoint& to) {
  Leave();
  link_ = NextLink();
  transport_->Dial(*link_, to);
}

void Client::Send() {
  ++tally_.sent;
  asked_at_ = cluster_.LocalNow(name_);
  transport_->Send(*link_, absl::StrCat("INCR ", name_, " SYNC"));
}

void Client::Leave() {
  if (link_) transport_->Close(*link_);
  link_.reset();
  up_ = false;
  asked_at_.reset();
}

void Client::OnLinkUp(LinkId link) { up_ = link == link_; }

void Client::OnLinkDown(LinkId link, clusterkit::LinkDownCause, const absl::Status&) {
  if (link == link_) Leave();
}

void Client::OnFrame(LinkId link, std::string_view line) {
  if (link != link_ || !asked_at_) return;
  asked_at_.reset();
  const std::vector<std::string> words =
      absl::StrSplit(absl::string_view(line.data(), line.size()), ' ');
  uint64_t number = 0;
  if (words[0] == "VALUE" && words.size() == 2 && absl::SimpleAtoi(words[1], &number)) {
    return told_(number);
  }
  if (words[0] != "UNKNOWN") --tally_.sent;  // It was refused.
  if (words[0] == "MOVED" && words.size() == 3 && absl::SimpleAtoi(words[2], &number)) {
    Connect({words[1], static_cast<uint16_t>(number)});
  } else {
    Leave();  // Ask the view again.
  }
}

}  // namespace host_under_simulation
