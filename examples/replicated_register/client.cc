#include "replicated_register/client.h"

#include <utility>
#include <variant>

namespace replicated_register {

using clusterkit::LinkId;

constexpr uint16_t kPort = 7000;
constexpr absl::Duration kBetweenWrites = absl::Milliseconds(50);
// Then the client does not know whether the write was done, and goes on with the next.
constexpr absl::Duration kPatience = absl::Milliseconds(500);

Client::Client(Surroundings around, clusterkit::SlotId slot, uint64_t* next,
               std::function<void(const Written&)> told)
    : around_(std::move(around)),
      slot_(slot),
      next_(*next),
      told_(std::move(told)),
      transport_(around_.new_transport()) {
  // What is dialled is heard of by who listens; nobody else dials here.
  (void)transport_->Listen({"", kPort}, this);
  around_.after(kBetweenWrites, [this] { Tick(); });
}

void Client::Tick() {
  around_.after(kBetweenWrites, [this] { Tick(); });
  if (next_ == 0 || (asked_ != 0 && around_.now() - asked_at_ < kPatience)) return;
  if (asked_ != 0) Leave();
  asked_ = next_++;
  asked_at_ = around_.now();
  if (up_) {
    Send();
  } else if (!link_) {
    // Any node that is known will do, and says who owns the slot; this one is nearest.
    const auto view = around_.node().view();
    const clusterkit::NodeView* owner = view->OwnerOf(slot_);
    Connect(owner == nullptr ? view->self().client : owner->client);
  }
}

void Client::Connect(const clusterkit::Endpoint& to, bool asking) {
  Leave();
  asking_ = asking;
  link_ = LinkId{next_link_++};
  transport_->Dial(*link_, to);
}

void Client::Send() { transport_->Send(*link_, Encode(Write{slot_, asked_, asking_})); }

void Client::Leave() {
  if (link_) transport_->Close(*link_);
  link_.reset();
  up_ = false;
}

LinkId Client::OnAccept(const std::string&) { return LinkId{next_link_++}; }

void Client::OnLinkUp(LinkId link) {
  if (link != link_) return;
  up_ = true;
  if (asked_ != 0) Send();
}

void Client::OnLinkDown(LinkId link, clusterkit::LinkDownCause, const absl::Status&) {
  if (link != link_) return;
  link_.reset();
  up_ = false;
}

void Client::OnFrame(LinkId link, std::string_view frame) {
  const std::optional<Message> message = Decode(frame);
  if (link != link_ || !message) return;
  if (const auto* written = std::get_if<Written>(&*message); written != nullptr) {
    told_(*written);
    if (written->value == asked_) asked_ = 0;
  } else if (const auto* refused = std::get_if<Refused>(&*message); refused != nullptr) {
    asked_ = 0;
    if (refused->owner.host.empty()) {
      Leave();  // Ask the view again.
    } else {
      Connect(refused->owner, refused->ask);
    }
  }
}

void Client::OnBadFrame(LinkId, const absl::Status&) { Leave(); }

}  // namespace replicated_register
