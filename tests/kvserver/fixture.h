// A kvserver without sockets: requests in, reply bytes out.

#ifndef CLUSTERKIT_TESTS_KVSERVER_FIXTURE_H_
#define CLUSTERKIT_TESTS_KVSERVER_FIXTURE_H_

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kvserver/command.h"
#include "kvserver/command_gate.h"
#include "kvserver/config.h"
#include "kvserver/executor.h"
#include "kvserver/info.h"
#include "kvserver/keyspace.h"
#include "kvserver/text.h"

namespace kv {

// Splits at blanks, with quotes as in inline requests.
inline std::vector<std::string> Words(std::string_view request) {
  return SplitWords(request).value();
}

// The bulks of a reply that is one, or an aggregate of them.
inline std::vector<std::string> Bulks(const std::string& reply) {
  std::vector<std::string> bulks;
  size_t at = reply.find('$');
  while (at != std::string::npos) {
    const size_t line_end = reply.find("\r\n", at);
    const size_t size = std::stoul(reply.substr(at + 1, line_end - at - 1));
    bulks.push_back(reply.substr(line_end + 2, size));
    at = reply.find('$', line_end + 2 + size);
  }
  return bulks;
}

// Notes what commands ask of the process.
class FakeHost : public Host {
 public:
  void RequestShutdown(const ShutdownRequest&) override { ++shutdowns; }
  bool shutting_down() const override { return shutdowns > 0; }
  void ForEachClient(absl::FunctionRef<void(Client&)> visit) override {
    for (Client* client : clients) visit(*client);
  }
  size_t client_count() const override { return clients.size(); }
  void CloseClient(ClientId id) override { closed.push_back(id); }
  void Resume(ClientId id, absl::FunctionRef<void(ReplyWriter&)> write) override {
    for (Client* client : clients) {
      if (client->id == id && client->blocked) executor->Resume(*client, write);
    }
  }
  void ResumeSoon(ClientId id) override {
    RunAfter(std::chrono::milliseconds(0), [this, id] { Resume(id, [](ReplyWriter&) {}); });
  }
  void ReleaseHeld() override {
    ++releases;
    for (Client* client : clients) client->held = false;
  }
  void RunAfter(std::chrono::milliseconds delay, std::function<void()> action) override {
    delays.push_back(delay);
    delayed.push_back(std::move(action));
  }
  void Push(ClientId id, std::string_view bytes) override {
    for (Client* client : clients) {
      if (client->id == id) client->Push(bytes);
    }
  }
  void OnConfigChanged(std::string_view directive) override { changed.emplace_back(directive); }

  Executor* executor = nullptr;
  std::vector<Client*> clients;
  std::vector<ClientId> closed;
  std::vector<std::chrono::milliseconds> delays;
  std::vector<std::function<void()>> delayed;
  std::vector<std::string> changed;
  int shutdowns = 0;
  int releases = 0;
};

// Collects the replication stream, one line per command.
class FakeSink : public ReplicationSink {
 public:
  void Propagate(Args args) override {
    std::string line;
    for (const std::string_view arg : args) {
      if (!line.empty()) line += ' ';
      line += arg;
    }
    lines.push_back(line);
  }
  uint64_t offset() const override { return lines.size() * 100; }

  std::vector<std::string> lines;
};

struct FakeServer {
  explicit FakeServer(bool slot_index = false) : keyspace(slot_index) {
    AddAllCommands(commands);
    keyspace.set_now_ms(1'000'000);
    host.executor = &executor;
    host.clients.push_back(&client);
    client.address = "127.0.0.1:50000";
    executor.set_replication_sink(&sink);
    keyspace.set_expiry_listener([this](std::string_view key) {
      const std::string_view del[] = {"DEL", key};
      executor.Propagate(del);
    });
  }

  // The reply to a request from `client`.
  std::string Run(std::string_view request) { return RunAs(client, Words(request)); }
  std::string RunWords(const std::vector<std::string>& words) { return RunAs(client, words); }

  std::string RunAs(Client& who, const std::vector<std::string>& words) {
    const std::vector<std::string_view> args(words.begin(), words.end());
    outcome = executor.Execute(who, args);
    return std::exchange(who.reply, "");
  }

  // What was propagated since the last call.
  std::vector<std::string> TakeStream() { return std::exchange(sink.lines, {}); }

  Config config;
  Keyspace keyspace;
  CommandTable commands;
  InfoRegistry info;
  Stats stats;
  FakeHost host;
  FakeSink sink;
  int64_t time_ms = 0;  // of the pause
  Pause pause{[this] { return time_ms; }};
  Executor executor{{keyspace, commands, config, info, stats, host, pause}};
  Client client{7};
  Executor::Outcome outcome = Executor::Outcome::kDone;
};

// Adds the members m0, m1, ... to a set.
inline void AddMembers(FakeServer& server, const std::string& key, int count) {
  std::vector<std::string> request = {"SADD", key};
  for (int i = 0; i < count; ++i) request.push_back("m" + std::to_string(i));
  server.RunWords(request);
}

}  // namespace kv

#endif  // CLUSTERKIT_TESTS_KVSERVER_FIXTURE_H_
