// What the process allocates, and what is refused when that is too much.

#include "kvserver/memory_use.h"

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "fixture.h"
#include "support/catch.h"

namespace kv {
namespace {

constexpr int64_t kMegabyte = 1 << 20;
const std::string kRefusal = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";

TEST_CASE("memory counts from allocation to release, on whichever thread") {
  const int64_t before = UsedMemory();
  auto block = std::make_unique<std::vector<char>>(3 * kMegabyte);
  CHECK(UsedMemory() >= before + 3 * kMegabyte);
  CHECK(UsedMemory() < before + 4 * kMegabyte);
  std::thread([&block] { block.reset(); }).join();
  CHECK(UsedMemory() < before + kMegabyte);
}

TEST_CASE("the data set counts as a whole, and comes back with its keys") {
  FakeServer server;
  const int64_t before = UsedMemory();
  for (int i = 0; i < 20000; ++i) {
    const std::string number = std::to_string(i);
    server.Run("SET key:" + number + " " + std::string(100, 'x'));
    server.Run("ZADD z " + number + " member:" + number);
  }
  // Keys, values and the table of keys; members with their links.
  CHECK(UsedMemory() > before + 20000 * (100 + 100));
  server.sink.lines.clear();
  server.sink.lines.shrink_to_fit();
  server.Run("FLUSHALL");
  server.keyspace.Maintain([] { return false; });
  CHECK(UsedMemory() < before + kMegabyte);
}

TEST_CASE("above maxmemory what takes memory is refused, and nothing else") {
  FakeServer server;
  server.executor.set_replication_sink(nullptr);  // which would remember all values
  const std::vector<std::string> grow = {"APPEND", "big", std::string(100'000, 'x')};
  server.Run("SET a 1");
  server.config.maxmemory = UsedMemory() + 3 * kMegabyte;
  int taken = 0;
  while (taken < 100 && server.RunWords(grow).front() == ':') ++taken;
  CHECK(taken > 10);
  CHECK(taken < 32);
  CHECK(server.RunWords(grow) == kRefusal);
  CHECK(server.Run("LPUSH l a") == kRefusal);
  CHECK(server.Run("GET a") == "$1\r\n1\r\n");
  CHECK(server.Run("EXISTS l") == ":0\r\n");
  CHECK(server.Run("DEL big") == ":1\r\n");
  CHECK(server.Run("LPUSH l a") == ":1\r\n");
}

TEST_CASE("a transaction that takes memory is refused as a whole") {
  FakeServer server;
  server.Run("MULTI");
  server.Run("SET a 1");
  server.config.maxmemory = 1;
  CHECK(server.Run("EXEC") ==
        "-EXECABORT Transaction discarded because of: OOM command not allowed when used memory > "
        "'maxmemory'.\r\n");
  server.Run("MULTI");
  CHECK(server.Run("GET a") == kRefusal);
  CHECK(server.Run("DISCARD") == "+OK\r\n");
}

TEST_CASE("a replica takes what its primary has taken, whatever its own limit") {
  FakeServer server;
  server.executor.set_replica(true);
  server.config.maxmemory = 1;
  Client source(1);
  source.kind = ClientKind::kPrimary;
  const std::vector<std::string_view> request = {"SET", "a", "1"};
  CHECK(server.executor.ApplyFromPrimary(source, request));
  CHECK(server.Run("GET a") == "$1\r\n1\r\n");
}

}  // namespace
}  // namespace kv
