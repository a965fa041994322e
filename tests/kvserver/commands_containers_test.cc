// Lists, sets and hashes where it takes more than a comparison with redis-server
// (compare_with_redis.py) to check: replication, snapshots, memory.

#include <map>
#include <string>
#include <vector>

#include "fixture.h"
#include "kvserver/value_codec.h"
#include "kvserver/value_digest.h"
#include "support/catch.h"

namespace kv {
namespace {

using Stream = std::vector<std::string>;

// --- Replication ---

// Applies a primary's stream.
struct FakeReplica : FakeServer {
  FakeReplica() {
    executor.set_replica(true);
    source.kind = ClientKind::kPrimary;
  }
  bool Apply(const std::vector<std::string>& words) {
    return executor.ApplyFromPrimary(source,
                                     {std::vector<std::string_view>(words.begin(), words.end())});
  }
  Client source{1};
};

// Collects the stream as words.
struct WordSink : ReplicationSink {
  void Propagate(Args args) override { requests.emplace_back(args.begin(), args.end()); }
  uint64_t offset() const override { return 0; }
  std::vector<std::vector<std::string>> requests;
};

TEST_CASE("every change of a container replays to the same data") {
  FakeServer primary;
  FakeReplica replica;
  WordSink stream;
  primary.executor.set_replication_sink(&stream);
  Stream requests = {
      "HSET h a 1 b 2 c 3 d 4",
      "HMSET h e 5",
      "HSETNX h f 6",
      "HSETNX h f 7",
      "HINCRBY h a 10",
      "HINCRBY new n -3",
      "HINCRBYFLOAT h b 0.1",
      "HINCRBYFLOAT f f 1e-3",
      "HDEL h c nosuch",
      "HDEL new n",
      "HSET h e 5",
      "HSET g x y",
      "RPUSH l a b c d e a b c",
      "LPUSH l z y x",
      "LPUSHX l w",
      "RPUSHX l v",
      "LPUSHX nosuch w",
      "LPOP l",
      "RPOP l 2",
      "LPOP l 0",
      "LSET l 1 changed",
      "LINSERT l AFTER b new",
      "LREM l -1 a",
      "LTRIM l 1 5",
      "LTRIM l 0 -1",
      "RPUSH q a",
      "RPOP q",
      "RPUSH r a b",
      "LTRIM r 5 6",
      "SADD s a b c d e f g h i j",
      "SADD s a",
      "SREM s a nosuch",
      "SPOP s",
      "SPOP s 3",
      "SPOP s 0",
      "SADD t 1 2 3",
      "SPOP t 3",
      "SADD u x",
      "SREM u x",
      "EXPIRE h 1000",
      "RENAME g i",
      "RENAME s l2",
      "SADD gone x",
      "DEL gone",
      "SADD over x",
      "SET over y",
      "SRANDMEMBER l2 2",
      "GETSET over z",
      "ZADD z 1 a 2 b 3 c 4 d 5 e 6 f 7 g",
      "ZADD z GT CH 9 a 0 b",
      "ZADD z XX INCR 0.1 c",
      "ZINCRBY z 0.2 c",
      "ZREM z g nosuch",
      "ZPOPMIN z",
      "ZPOPMAX z 2",
      "ZMPOP 2 nosuch z MIN COUNT 1",
      "ZADD y 1 c 2 d 3 x",
      "ZRANGESTORE r z 0 1",
      "ZUNIONSTORE r2 2 z y WEIGHTS 0.5 0.1 AGGREGATE MAX",
      "ZINTERSTORE r3 2 z u2 WEIGHTS 1 2",
      "ZDIFFSTORE y 2 y z",
      "ZREMRANGEBYRANK r2 0 0",
      "ZREMRANGEBYSCORE r2 -inf 0.3",
      "ZREMRANGEBYSCORE r -inf +inf",
      "ZRANGESTORE y nosuch 0 1",
      "DEL z r2",
      "SADD v 1 2 3 4",
      "SADD w 3 4 5",
      "SINTERSTORE x v w",
      "SUNIONSTORE x v w",
      "SDIFFSTORE x nosuch v",
      "SMOVE v w 1",
      "SMOVE w new 5",
      "DEL v w new",
      "RPUSH la 1 2 3",
      "LMOVE la lb LEFT RIGHT",
      "RPOPLPUSH la lb",
      "LMPOP 2 nosuch lb LEFT COUNT 5",
      "LMOVE la la LEFT RIGHT",
      "DEL la",
      "SET bits x EX 1000",
      "SETBIT bits 100 1",
      "BITOP NOT copy bits",
      "COPY bits copy REPLACE",
      "DEL bits copy",
  };
  for (const std::string& request : requests) {
    CAPTURE(request);
    primary.Run(request);
    for (const auto& words : std::exchange(stream.requests, {})) REQUIRE(replica.Apply(words));
    REQUIRE(DatasetDigest(replica.keyspace) == DatasetDigest(primary.keyspace));
  }
  CHECK(primary.keyspace.size() == 6);
}

TEST_CASE("HINCRBYFLOAT is propagated with its result") {
  FakeServer server;
  server.Run("HINCRBYFLOAT h f 0.1");
  server.Run("HINCRBYFLOAT h f 0.2");
  CHECK(server.TakeStream() == Stream{"HSET h f 0.1", "HSET h f 0.3"});
}

TEST_CASE("what changes nothing is not propagated") {
  FakeServer server;
  server.Run("SADD s a");
  server.Run("RPUSH l a");
  server.Run("HSET h a 1");
  server.TakeStream();
  for (const std::string request :
       {"SADD s a", "SREM s b", "SPOP nosuch", "SPOP s 0", "LREM l 0 b", "LPOP l 0", "LPOP nosuch",
        "LINSERT l BEFORE b c", "LSET l 5 b", "LPUSHX nosuch a", "HDEL h b", "HSETNX h a 2",
        "HINCRBY h a x", "HSET s a 1", "RESTORE s 0 x", "LRANGE l 0 -1", "HGETALL h"}) {
    CAPTURE(request);
    server.Run(request);
    CHECK(server.TakeStream().empty());
  }
}

// --- DUMP and RESTORE ---

TEST_CASE("a restored key has its value and its time to live, and so on replicas") {
  FakeServer primary;
  FakeReplica replica;
  WordSink stream;
  primary.executor.set_replication_sink(&stream);
  primary.keyspace.set_now_ms(1000);
  replica.keyspace.set_now_ms(900);
  primary.Run("RPUSH l a b");
  primary.Run("HSET over a 1");
  const std::string payload = DumpPayload(primary.keyspace.Find("l")->value);
  CHECK(primary.RunWords({"RESTORE", "k", "500", payload}) == "+OK\r\n");
  CHECK(primary.RunWords({"RESTORE", "forever", "0", payload}) == "+OK\r\n");
  CHECK(primary.RunWords({"RESTORE-ASKING", "over", "0", payload, "REPLACE"}) == "+OK\r\n");
  CHECK(primary.RunWords({"RESTORE", "over", "0", payload}) ==
        "-BUSYKEY Target key name already exists.\r\n");
  for (const auto& words : std::exchange(stream.requests, {})) REQUIRE(replica.Apply(words));
  CHECK(DatasetDigest(replica.keyspace) == DatasetDigest(primary.keyspace));
  CHECK(primary.keyspace.Find("k")->expires_at_ms == 1500);
  CHECK(replica.keyspace.Find("k")->expires_at_ms == 1500);
  CHECK(primary.Run("LRANGE over 0 -1") == "*2\r\n$1\r\na\r\n$1\r\nb\r\n");
}

TEST_CASE("what is restored when its time is over does not appear, and deletes what it replaces") {
  FakeServer server;
  server.Run("SET a 1");
  server.Run("SET b 1");
  server.TakeStream();
  const std::string payload = DumpPayload(server.keyspace.Find("a")->value);
  CHECK(server.RunWords({"RESTORE", "new", "5", payload, "ABSTTL"}) == "+OK\r\n");
  CHECK(server.TakeStream().empty());
  CHECK(server.RunWords({"RESTORE", "b", "5", payload, "ABSTTL", "REPLACE"}) == "+OK\r\n");
  CHECK(server.TakeStream() == Stream{"DEL b"});
  CHECK(server.keyspace.size() == 1);
}

TEST_CASE("a replica keeps what is restored even if its own clock is ahead") {
  FakeReplica replica;
  replica.keyspace.set_now_ms(10'000);
  Value value;
  value.string() = "v";
  REQUIRE(replica.Apply({"RESTORE", "k", "9000", DumpPayload(value), "REPLACE", "ABSTTL"}));
  CHECK(replica.keyspace.size() == 1);
  CHECK(replica.Run("GET k") == "$-1\r\n");
}

TEST_CASE("a time to live that would overflow is refused") {
  FakeServer server;
  CHECK(server.RunWords({"RESTORE", "k", "9223372036854775807", DumpPayload(Value())}) ==
        "-ERR Invalid TTL value, must be >= 0\r\n");
  CHECK(server.keyspace.size() == 0);
}

TEST_CASE("what cannot be restored leaves what was there") {
  FakeServer server;
  server.Run("SET k v");
  const std::string payload = DumpPayload(server.keyspace.Find("k")->value);
  server.TakeStream();
  CHECK(server.RunWords({"RESTORE", "k", "0", payload + "x", "REPLACE"}) ==
        "-ERR DUMP payload version or checksum are wrong\r\n");
  CHECK(server.Run("GET k") == "$1\r\nv\r\n");
  CHECK(server.TakeStream().empty());
}

// --- Snapshots ---

TEST_CASE("a snapshot holds containers as they were, whatever changes them") {
  const Stream setup = {"HSET h a 1 b 2", "RPUSH l a b c", "SADD s a b c", "SET str v",
                        "EXPIRE h 1000"};
  const Stream changes = {
      "HSET h a 9",
      "HSET h c 9",
      "HMSET h a 9",
      "HSETNX h z 1",
      "HDEL h a",
      "HDEL h a b",
      "HINCRBY h a 1",
      "HINCRBYFLOAT h a 1",
      "LPUSH l x",
      "RPUSH l x",
      "LPUSHX l x",
      "RPUSHX l x",
      "LPOP l",
      "RPOP l 2",
      "LPOP l 3",
      "LSET l 0 x",
      "LINSERT l AFTER a x",
      "LREM l 0 a",
      "LTRIM l 1 1",
      "LTRIM l 5 6",
      "SADD s x",
      "SREM s a",
      "SREM s a b c",
      "SPOP s",
      "SPOP s 2",
      "SPOP s 3",
      "SET h v",
      "RENAME h l",
      "DEL s",
      "EXPIRE l 10",
      "PERSIST h",
      "FLUSHALL",
      "GETSET str w",
      "RESTORE s 0 PAYLOAD REPLACE",
  };
  Value restored;
  restored.string() = "restored";
  const std::string payload = DumpPayload(restored);
  for (const std::string& change : changes) {
    CAPTURE(change);
    FakeServer server;
    for (const std::string& request : setup) server.Run(request);
    std::map<std::string, std::string> before;
    server.keyspace.ForEach(
        [&](Entry& entry) { before[std::string(entry.key())] = ValueDigest(entry); });
    REQUIRE(before.size() == 4);
    std::map<std::string, std::string> snapshot;
    server.keyspace.StartSnapshot([&](const Entry& entry, bool) {
      REQUIRE(snapshot.emplace(entry.key(), ValueDigest(entry)).second);
      return false;
    });
    std::vector<std::string> words = Words(change);
    for (std::string& word : words) {
      if (word == "PAYLOAD") word = payload;
    }
    server.TakeStream();
    REQUIRE(server.RunWords(words)[0] != '-');
    REQUIRE_FALSE(server.TakeStream().empty());
    while (server.keyspace.AdvanceSnapshot(1)) {
    }
    CHECK(snapshot == before);
  }
}

// --- Memory ---

TEST_CASE("a large container is freed by and by, however it goes") {
  const Stream ends = {"DEL s",         "UNLINK s",      "SET s v",
                       "SPOP s 100000", "RENAME t s",    "RESTORE s 0 PAYLOAD REPLACE",
                       "EXPIRE s -1",   "FLUSHALL ASYNC"};
  for (const std::string& end : ends) {
    CAPTURE(end);
    FakeServer server;
    AddMembers(server, "s", 5000);
    server.Run("SET t v");
    std::vector<std::string> words = Words(end);
    for (std::string& word : words) {
      if (word == "PAYLOAD") word = DumpPayload(server.keyspace.Find("t")->value);
    }
    server.RunWords(words);
    CHECK(server.keyspace.pending_frees() > 0);
    int steps = 0;
    while (server.keyspace.pending_frees() > 0) {
      bool stepped = false;
      server.keyspace.Maintain([&stepped] { return std::exchange(stepped, true); });
      REQUIRE(++steps < 100);
    }
    CHECK(steps >= 5);
  }
}

TEST_CASE("a large list that is cut down is freed by and by") {
  FakeServer server;
  std::vector<std::string> request = {"RPUSH", "l"};
  for (int i = 0; i < 5000; ++i) request.push_back("e" + std::to_string(i));
  server.RunWords(request);
  server.Run("LTRIM l 4000 4009");
  CHECK(server.Run("LLEN l") == ":10\r\n");
  CHECK(Bulks(server.Run("LRANGE l 0 0"))[0] == "e4000");
  CHECK(server.keyspace.pending_frees() == 1);
}

TEST_CASE("small containers are freed at once") {
  FakeServer server;
  AddMembers(server, "s", 100);
  server.Run("DEL s");
  CHECK(server.keyspace.pending_frees() == 0);
}

TEST_CASE("a string takes no more memory because there are containers") {
  CHECK(sizeof(Value) <= sizeof(std::string) + sizeof(void*));
}

}  // namespace
}  // namespace kv
