// A node of the counter service in a process.

#include <uv.h>

#include <iostream>
#include <memory>
#include <string>
#include <variant>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "clusterkit/describe.h"
#include "clusterkit/file/file_state_store.h"
#include "clusterkit/node.h"
#include "clusterkit/uv/uv.h"
#include "clusterkit/wire/protobuf_codec.h"
#include "sharded_counter/data_file.h"
#include "sharded_counter/line_transport.h"
#include "sharded_counter/service.h"

namespace {

using clusterkit::Endpoint;
using clusterkit::Node;
using sharded_counter::Service;

constexpr char kUsage[] = R"(usage: sharded_counter PORT BUS-PORT [IPV4-ADDRESS]

Counts for clients on PORT, talks with other nodes on BUS-PORT; keeps its state in the files
nodes-PORT.conf and counters-PORT.data of the working directory. SIGTERM hands over to a replica.
)";

// What SIGTERM has to be given, at most, before the process ends.
constexpr absl::Duration kFarewell = absl::Seconds(5);

class Process : public clusterkit::Observer {
 public:
  Process(const clusterkit::Options& options, sharded_counter::Data data)
      : options_(options),
        transport_(uv_default_loop(), options),
        service_(
            {std::make_unique<sharded_counter::LineTransport>(uv_default_loop(), &loop_),
             [this] { return loop_.Now(); },
             [this](const auto& changed) { SaveData(FileName("counters-", ".data"), changed); },
             nullptr},
            std::move(data)) {}

  absl::Status Start() {
    auto store = clusterkit::FileStateStore::Open(FileName("nodes-", ".conf"));
    if (!store.ok()) return store.status();
    store_ = *std::move(store);
    auto node = Node::Start(options_, {&loop_, &transport_, &codec_, store_.get(), this});
    if (!node.ok()) return node.status();
    node_ = *std::move(node);
    if (const absl::Status begun = service_.Begin(node_.get()); !begun.ok()) return begun;
    std::cout << "node " << node_->view()->self().id.ToHex() << std::endl;
    Every(sharded_counter::kTick, &tick_,
          [](uv_timer_t* timer) { static_cast<Process*>(timer->data)->service_.Tick(); });
    uv_signal_init(uv_default_loop(), &terminate_);
    terminate_.data = this;
    uv_signal_start(
        &terminate_,
        [](uv_signal_t* signal, int) { static_cast<Process*>(signal->data)->Terminate(); },
        SIGTERM);
    return absl::OkStatus();
  }

  void OnEvent(const clusterkit::Event& event, clusterkit::Instant now) override {
    std::cout << clusterkit::Describe(event) << std::endl;
    service_.OnEvent(event, now);
    if (std::holds_alternative<clusterkit::Departed>(event)) uv_stop(uv_default_loop());
  }

 private:
  std::string FileName(const char* prefix, const char* suffix) const {
    return absl::StrCat(prefix, options_.client.port, suffix);
  }

  void Every(absl::Duration time, uv_timer_t* timer, uv_timer_cb fn) {
    const auto ms = static_cast<uint64_t>(absl::ToInt64Milliseconds(time));
    uv_timer_init(uv_default_loop(), timer);
    timer->data = this;
    uv_timer_start(timer, fn, ms, ms);
  }

  void Terminate() {
    if (!node_->Stop(kFarewell).ok()) uv_stop(uv_default_loop());
  }

  const clusterkit::Options options_;
  clusterkit::uv::Loop loop_{uv_default_loop()};
  clusterkit::uv::Transport transport_;
  clusterkit::ProtobufCodec codec_;
  std::unique_ptr<clusterkit::FileStateStore> store_;
  Service service_;
  std::unique_ptr<Node> node_;
  uv_timer_t tick_;
  uv_signal_t terminate_;
};

bool ReadPort(const char* text, Endpoint& endpoint) {
  int port = 0;
  if (!absl::SimpleAtoi(text, &port) || port < 1 || port > UINT16_MAX) return false;
  endpoint.port = static_cast<uint16_t>(port);
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  clusterkit::Options options = clusterkit::Options::Loopback();
  if (argc < 3 || argc > 4 || !ReadPort(argv[1], options.client) ||
      !ReadPort(argv[2], options.bus)) {
    std::cerr << kUsage;
    return 2;
  }
  options.client.host = options.bus.host = argc == 4 ? argv[3] : "127.0.0.1";
  auto data = sharded_counter::LoadData(absl::StrCat("counters-", options.client.port, ".data"));
  if (!data.ok()) {
    std::cerr << data.status() << "\n";
    return 1;
  }
  // Lives until the process ends, as its handles do.
  static Process process(options, *std::move(data));
  if (const absl::Status started = process.Start(); !started.ok()) {
    std::cerr << started << "\n";
    return 1;
  }
  uv_run(uv_default_loop(), UV_RUN_DEFAULT);
  return 0;
}
