// A node on ports of the host's own: no libuv. Otherwise as hello_cluster, whose nodes it joins:
//   custom_transport 17003 17001

#include <iostream>
#include <memory>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "clusterkit/describe.h"
#include "clusterkit/file/file_state_store.h"
#include "clusterkit/node.h"
#include "clusterkit/wire/protobuf_codec.h"
#include "custom_transport/epoll_loop.h"
#include "custom_transport/epoll_transport.h"

namespace {

class PrintEvents : public clusterkit::Observer {
 public:
  void OnEvent(const clusterkit::Event& event, clusterkit::Instant) override {
    std::cout << clusterkit::Describe(event) << std::endl;
  }
};

bool ReadPort(const char* text, clusterkit::Endpoint& endpoint) {
  int port = 0;
  if (!absl::SimpleAtoi(text, &port) || port < 1 || port > 65535) return false;
  endpoint = {"127.0.0.1", static_cast<uint16_t>(port)};
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  clusterkit::Options options = clusterkit::Options::Loopback();
  clusterkit::Endpoint peer;
  if (argc < 2 || argc > 3 || !ReadPort(argv[1], options.bus) ||
      (argc == 3 && !ReadPort(argv[2], peer))) {
    std::cerr << "usage: custom_transport PORT [PORT-TO-MEET]\n";
    return 2;
  }
  options.client = options.bus;  // There are no clients to serve.

  custom_transport::EpollLoop loop;
  custom_transport::EpollTransport transport(&loop, options);
  clusterkit::ProtobufCodec codec;
  PrintEvents observer;
  // Without a runner it blocks the loop for as long as the disk takes; see BlockingRunner.
  const auto store =
      clusterkit::FileStateStore::Open(absl::StrCat("nodes-", options.bus.port, ".conf"));
  if (!store.ok()) {
    std::cerr << store.status() << "\n";
    return 1;
  }
  const auto node =
      clusterkit::Node::Start(options, {&loop, &transport, &codec, store->get(), &observer});
  if (!node.ok()) {
    std::cerr << node.status() << "\n";
    return 1;
  }
  if (argc == 3) {
    if (const absl::Status met = (*node)->Meet(peer); !met.ok()) std::cerr << met << "\n";
  }
  while (true) loop.RunOnce();
}
