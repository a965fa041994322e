// A node in a process, which prints what happens. Start one, then others that meet it:
//   hello_cluster 17001
//   hello_cluster 17002 17001
#include <iostream>
#include <string>

#include "clusterkit/describe.h"
#include "clusterkit/file/file_state_store.h"
#include "clusterkit/node.h"
#include "clusterkit/uv/uv.h"
#include "clusterkit/wire/protobuf_codec.h"

struct PrintEvents : clusterkit::Observer {
  void OnEvent(const clusterkit::Event& event, clusterkit::Instant) override {
    std::cout << clusterkit::Describe(event) << std::endl;
  }
};

int main(int argc, char** argv) {
  if (argc < 2) return std::cerr << "usage: hello_cluster PORT [PORT-TO-MEET]\n", 2;
  const auto at = [](const std::string& port) {
    return clusterkit::Endpoint{"127.0.0.1", static_cast<uint16_t>(std::stoul(port))};
  };
  clusterkit::Options options = clusterkit::Options::Loopback();
  options.bus = options.client = at(argv[1]);  // There are no clients to serve.
  clusterkit::uv::Loop loop(uv_default_loop());
  clusterkit::uv::Transport transport(uv_default_loop(), options);
  clusterkit::ProtobufCodec codec;
  PrintEvents observer;
  auto store = clusterkit::FileStateStore::Open(std::string("nodes-") + argv[1] + ".conf");
  if (!store.ok()) return std::cerr << store.status() << "\n", 1;
  auto node =
      clusterkit::Node::Start(options, {&loop, &transport, &codec, store->get(), &observer});
  if (!node.ok()) return std::cerr << node.status() << "\n", 1;

  const auto all_slots = clusterkit::SlotSet::Of({{0}, {clusterkit::kSlotCount - 1}});
  const absl::Status begun = argc > 2 ? (*node)->Meet(at(argv[2])) : (*node)->AddSlots(all_slots);
  if (!begun.ok()) std::cerr << begun << "\n";  // After a restart: the slots are here already.
  return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
