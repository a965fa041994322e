// What every Transport must do. Call TestTransport() from a test case of its own.

#ifndef CLUSTERKIT_TESTS_CONTRACT_TRANSPORT_CONTRACT_H_
#define CLUSTERKIT_TESTS_CONTRACT_TRANSPORT_CONTRACT_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "clusterkit/options.h"
#include "clusterkit/transport.h"
#include "clusterkit/types.h"

namespace clusterkit {

// Two transports, A and B, that can reach each other. Neither listens yet.
class TransportsUnderTest {
 public:
  virtual ~TransportsUnderTest() = default;
  virtual Transport& a() = 0;
  virtual Transport& b() = 0;
  // Where each is to listen, and, once it does, where the other reaches it.
  virtual Endpoint ListenA() = 0;
  virtual Endpoint ListenB() = 0;
  virtual Endpoint ReachA() = 0;
  // An address that B can dial where nobody listens.
  virtual Endpoint Nobody() = 0;
  // Runs both until `done`, which is asked after each step; false if that takes 10 s.
  virtual bool RunUntil(const std::function<bool()>& done) = 0;
};

// `make` applies the limits of the options to both transports.
using MakeTransports = std::function<std::unique_ptr<TransportsUnderTest>(const Options&)>;
void TestTransport(const MakeTransports& make);

// --- For the suite and for tests of one transport alone ----------------------------------------

// Writes down what a transport tells, in order, and checks that it is not told from within a call.
class RecordingHandler : public Transport::Handler {
 public:
  struct Down {
    LinkId link;
    LinkDownCause cause;
    std::string detail;
  };

  LinkId OnAccept(const std::string& peer_host) override;
  void OnLinkUp(LinkId link) override;
  void OnLinkDown(LinkId link, LinkDownCause cause, const absl::Status& detail) override;
  void OnFrame(LinkId link, std::string_view frame) override;
  void OnBadFrame(LinkId link, const absl::Status& error) override;

  // All calls to the transport go through here.
  template <typename Fn>
  void Call(Fn fn) {
    ++calls_under_way_;
    fn();
    --calls_under_way_;
  }

  bool IsUp(LinkId link) const;
  int DownsOf(LinkId link) const;
  const Down* FindDown(LinkId link) const;  // nullptr if it is not down.
  std::vector<std::string> FramesOf(LinkId link) const;

  std::vector<LinkId> accepted, up;
  std::vector<std::string> peer_hosts;
  std::vector<Down> downs;
  std::vector<std::pair<LinkId, std::string>> frames;
  std::vector<std::pair<LinkId, absl::Status>> bad_frames;
  std::function<void(LinkId)> on_accept, on_up, on_down;
  std::function<void(LinkId, std::string_view)> on_frame;

 private:
  void CheckNotInCall() const;

  int calls_under_way_ = 0;
  uint64_t next_accepted_ = 1000;
};

// A link from B to A, both ends recorded.
class LinkPair {
 public:
  // Listens on both, dials, and waits until both ends know of the link.
  explicit LinkPair(TransportsUnderTest& test);

  void SendFromA(std::string frame);
  void SendFromB(std::string frame);
  // A frame there and back on a link dialled for it: what was under way before, short of what
  // waits for a full queue, has arrived by then.
  void Fence();

  TransportsUnderTest& test;
  RecordingHandler a, b;
  LinkId at_a{}, at_b{};

 private:
  LinkId next_dial_{1};
};

Options TransportTestOptions();

// Parts of TestTransport().
void TestTransportEnds(const MakeTransports& make);

}  // namespace clusterkit

#endif  // CLUSTERKIT_TESTS_CONTRACT_TRANSPORT_CONTRACT_H_
