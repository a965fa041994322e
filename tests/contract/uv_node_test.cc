// Nodes on the real ports: libuv, a file, the protobuf codec.

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "clusterkit/file/file_state_store.h"
#include "clusterkit/node.h"
#include "clusterkit/uv/uv.h"
#include "clusterkit/wire/protobuf_codec.h"
#include "contract/raw_socket.h"
#include "contract/temp_dir.h"
#include "contract/uv_runner.h"
#include "support/catch.h"

namespace clusterkit {
namespace {

uint16_t FreePort() {
  RawSocket probe;
  return probe.Listen(1);
}

// A node and its ports, on a loop that is already there.
struct Member {
  Member(uv_loop_t* uv_loop, const Options& options, const std::string& path)
      : loop(uv_loop), transport(uv_loop, options) {
    store = FileStateStore::Open(path, [this](absl::AnyInvocable<void()> work,
                                              absl::AnyInvocable<void()> then) {
              loop.RunBlocking(std::move(work), std::move(then));
            }).value();
    absl::StatusOr<std::unique_ptr<Node>> started =
        Node::Start(options, {&loop, &transport, &codec, store.get(), nullptr});
    INFO(started.status());
    REQUIRE(started.ok());
    node = *std::move(started);
  }

  uv::Loop loop;
  uv::Transport transport;
  ProtobufCodec codec;
  std::unique_ptr<FileStateStore> store;
  std::unique_ptr<Node> node;
};

Options MemberOptions() {
  Options options = Options::Loopback();
  options.bus = {"127.0.0.1", FreePort()};
  options.client = {"127.0.0.1", FreePort()};
  return options;
}

TEST_CASE("two nodes meet over TCP, agree on the slots, and are the same after a restart") {
  UvRunner runner;
  TempDir dir;
  const Options options_a = MemberOptions(), options_b = MemberOptions();
  Member a(runner.loop(), options_a, dir.File("a"));
  auto b = std::make_unique<Member>(runner.loop(), options_b, dir.File("b"));
  const NodeId id_b = b->node->view()->self().id;

  REQUIRE(a.node->Meet(options_b.bus) == absl::OkStatus());
  REQUIRE(a.node->AddSlots(SlotSet::Of({{0}, {kSlotCount - 1}})) == absl::OkStatus());
  const auto agree = [&] {
    const auto view = b->node->view();
    const NodeView* seen = view->Find(a.node->view()->self().id);
    return view->nodes().size() == 2 && seen != nullptr && seen->linked &&
           view->slots().AssignedCount() == kSlotCount && view->state() == ClusterState::kOk;
  };
  REQUIRE(runner.RunUntil(agree));

  b.reset();
  // The last save may still be on its way, and holds the lock that long.
  REQUIRE(runner.RunUntil([&] { return FileStateStore::Open(dir.File("b")).ok(); }));
  b = std::make_unique<Member>(runner.loop(), options_b, dir.File("b"));
  CHECK(b->node->view()->self().id == id_b);
  CHECK(b->node->view()->nodes().size() == 2);
  REQUIRE(runner.RunUntil(agree));
}

TEST_CASE("a node on a thread of its own is read from another") {
  TempDir dir;
  const Options options = MemberOptions();
  uv::LoopThread thread;
  std::unique_ptr<Member> member;
  thread.Run([&] { member = std::make_unique<Member>(thread.loop(), options, dir.File("a")); });
  ViewReader reader(&member->node->views());
  CHECK(reader.Get().slots().AssignedCount() == 0);
  thread.Run([&] { CHECK(member->node->AddSlots(SlotSet::Of({{0}, {99}})).ok()); });
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (reader.Get().slots().AssignedCount() == 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  CHECK(reader.Get().slots().AssignedCount() == 100);
  thread.Run([&] { member.reset(); });
}

}  // namespace
}  // namespace clusterkit
