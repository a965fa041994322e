#include <signal.h>

#include <memory>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "base/check.h"
#include "clusterkit/uv/uv.h"
#include "uv/connection.h"
#include "uv/dialer.h"
#include "uv/listener.h"

namespace clusterkit::uv {
namespace {

// A write to a link that the peer has closed must be an error, not the end of the process. A
// disposition that the host has chosen stays.
void IgnoreSigpipe() {
  struct sigaction action;
  if (sigaction(SIGPIPE, nullptr, &action) == 0 && action.sa_handler == SIG_DFL) {
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, nullptr);
  }
}

}  // namespace

class Transport::Impl final : public Connection::Owner, public std::enable_shared_from_this<Impl> {
 public:
  Impl(uv_loop_t* loop, const Options& options)
      : loop_(loop),
        limits_{options.max_frame_bytes, options.max_link_queue_bytes, 2 * options.node_timeout},
        dial_timeout_(options.HandshakeTimeout()),
        read_buffer_(std::make_shared<ReadBuffer>()),
        report_timer_(new uv_timer_t) {
    CLUSTERKIT_CHECK(uv_timer_init(loop, report_timer_) == 0);
    report_timer_->data = this;
  }

  absl::Status Listen(const Endpoint& bus, Handler* handler);
  void Dial(LinkId link, const Endpoint& to);
  void Send(LinkId link, std::string frame);
  size_t QueuedBytes(LinkId link) const {
    const auto found = links_.find(link);
    if (found == links_.end() || found->second.connection == nullptr) return 0;
    return found->second.connection->queued_bytes();
  }
  void Close(LinkId link);
  void Shutdown();
  uint16_t port() const { return listener_ == nullptr ? 0 : listener_->port(); }

  // --- Connection::Owner ---------------------------------------------------------------------
  void OnFrame(LinkId link, std::string_view frame) override { handler_->OnFrame(link, frame); }
  void OnBadFrame(LinkId link, const absl::Status& error) override {
    handler_->OnBadFrame(link, error);
  }
  void OnBroken(LinkId link, LinkDownCause cause, const absl::Status& detail) override;
  void ReportSoon(LinkId link) override;

 private:
  // Dialling, or established.
  struct Link {
    std::shared_ptr<Dialer> dialer;
    std::shared_ptr<Connection> connection;
  };

  void OnAccepted(uv_tcp_t* socket);
  void OnDialled(LinkId link, const Dialer::Outcome& outcome);
  void Report();
  std::shared_ptr<Connection> Connect(LinkId link, uv_tcp_t* socket) {
    return Connection::Open(socket, link, this, limits_, read_buffer_);
  }

  uv_loop_t* const loop_;
  const Connection::Limits limits_;
  const absl::Duration dial_timeout_;
  const std::shared_ptr<ReadBuffer> read_buffer_;
  Handler* handler_ = nullptr;  // Null before Listen() and after Shutdown().
  std::shared_ptr<Listener> listener_;
  absl::btree_map<LinkId, Link> links_;
  std::vector<LinkId> to_report_;
  uv_timer_t* report_timer_;  // Null after Shutdown().
};

absl::Status Transport::Impl::Listen(const Endpoint& bus, Handler* handler) {
  if (listener_ != nullptr || report_timer_ == nullptr) {
    return absl::FailedPreconditionError("this transport has been used already");
  }
  auto listener =
      std::make_shared<Listener>(loop_, [this](uv_tcp_t* socket) { OnAccepted(socket); });
  absl::Status status = listener->Listen(bus);
  if (!status.ok()) return status;
  listener_ = std::move(listener);
  handler_ = handler;
  return absl::OkStatus();
}

void Transport::Impl::OnAccepted(uv_tcp_t* socket) {
  const std::optional<Address> peer = Address::Peer(*socket);
  if (!peer) return CloseAndDelete(socket);  // Gone already.
  const std::shared_ptr<Impl> self = shared_from_this();
  const LinkId link = handler_->OnAccept(peer->Host());
  if (handler_ == nullptr) return CloseAndDelete(socket);
  links_[link].connection = Connect(link, socket);
}

void Transport::Impl::Dial(LinkId link, const Endpoint& to) {
  if (handler_ == nullptr) return;
  links_[link].dialer =
      Dialer::Start(loop_, to, dial_timeout_,
                    [this, link](const Dialer::Outcome& outcome) { OnDialled(link, outcome); });
}

void Transport::Impl::OnDialled(LinkId link, const Dialer::Outcome& outcome) {
  if (outcome.socket == nullptr) {
    links_.erase(link);
    return handler_->OnLinkDown(link, outcome.cause, outcome.error);
  }
  links_[link] = {nullptr, Connect(link, outcome.socket)};
  handler_->OnLinkUp(link);
}

void Transport::Impl::Send(LinkId link, std::string frame) {
  const auto found = links_.find(link);
  if (found == links_.end() || found->second.connection == nullptr) return;
  found->second.connection->Send(std::move(frame));
}

void Transport::Impl::Close(LinkId link) {
  const auto found = links_.find(link);
  if (found == links_.end()) return;
  const Link closing = std::move(found->second);
  links_.erase(found);
  if (closing.dialer != nullptr) closing.dialer->Cancel();
  if (closing.connection != nullptr) closing.connection->Close();
}

void Transport::Impl::OnBroken(LinkId link, LinkDownCause cause, const absl::Status& detail) {
  Close(link);
  handler_->OnLinkDown(link, cause, detail);
}

void Transport::Impl::ReportSoon(LinkId link) {
  to_report_.push_back(link);
  uv_timer_start(
      report_timer_, [](uv_timer_t* timer) { static_cast<Impl*>(timer->data)->Report(); }, 0, 0);
}

void Transport::Impl::Report() {
  const std::shared_ptr<Impl> self = shared_from_this();
  const std::vector<LinkId> broken = std::exchange(to_report_, {});
  for (LinkId link : broken) {
    const auto found = links_.find(link);
    if (found == links_.end() || found->second.connection == nullptr) continue;
    const std::shared_ptr<Connection> connection = found->second.connection;
    connection->Report();
  }
}

void Transport::Impl::Shutdown() {
  if (report_timer_ == nullptr) return;
  handler_ = nullptr;
  if (listener_ != nullptr) listener_->Close();
  const absl::btree_map<LinkId, Link> links = std::exchange(links_, {});
  for (const auto& [id, link] : links) {
    if (link.dialer != nullptr) link.dialer->Cancel();
    if (link.connection != nullptr) link.connection->Close();
  }
  uv_close(reinterpret_cast<uv_handle_t*>(std::exchange(report_timer_, nullptr)),
           [](uv_handle_t* handle) { delete reinterpret_cast<uv_timer_t*>(handle); });
}

Transport::Transport(uv_loop_t* loop, const Options& options)
    : impl_(std::make_shared<Impl>(loop, options)) {
  IgnoreSigpipe();
}
Transport::~Transport() { impl_->Shutdown(); }

absl::Status Transport::Listen(const Endpoint& bus, Handler* handler) {
  return impl_->Listen(bus, handler);
}
void Transport::Dial(LinkId link, const Endpoint& to) { impl_->Dial(link, to); }
void Transport::Send(LinkId link, std::string frame) { impl_->Send(link, std::move(frame)); }
size_t Transport::QueuedBytes(LinkId link) const { return impl_->QueuedBytes(link); }
void Transport::Close(LinkId link) { impl_->Close(link); }
void Transport::Shutdown() { impl_->Shutdown(); }
uint16_t Transport::port() const { return impl_->port(); }

}  // namespace clusterkit::uv
