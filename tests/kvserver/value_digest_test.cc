// Digests of data. That they are Redis's is checked by compare_with_redis.py.

#include "kvserver/value_digest.h"

#include <string>

#include "absl/strings/escaping.h"
#include "fixture.h"
#include "kvserver/sha1.h"
#include "support/catch.h"

namespace kv {
namespace {

std::string Hex(const Sha1Digest& digest) {
  return absl::BytesToHexString({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

TEST_CASE("SHA-1 is that of its standard") {
  CHECK(Hex(Sha1("")) == "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  CHECK(Hex(Sha1("abc")) == "a9993e364706816aba3e25717850c26c9cd0d89d");
  CHECK(Hex(Sha1("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")) ==
        "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  CHECK(Hex(Sha1(std::string(1'000'000, 'a'))) == "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
}

TEST_CASE("equal data have equal digests, whatever order they came in") {
  FakeServer one;
  FakeServer other;
  one.Run("HSET h a 1 b 2");
  other.Run("HSET h b 2 a 1");
  one.Run("SADD s a b c");
  other.Run("SADD s x c b a");
  other.Run("SREM s x");
  CHECK(one.executor.parts().keyspace.size() == 2);
  CHECK(DatasetDigest(one.keyspace) == DatasetDigest(other.keyspace));
  CHECK(ValueDigest(*one.keyspace.Find("h")) == ValueDigest(*other.keyspace.Find("h")));
  CHECK(ValueDigest(*one.keyspace.Find("h")) != ValueDigest(*one.keyspace.Find("s")));
}

TEST_CASE("each difference changes the digest") {
  const std::vector<std::string> requests = {
      "SET k a",        "SET k b",        "SET k a PX 100", "RPUSH k a",
      "RPUSH k a b",    "RPUSH k b a",    "RPUSH k ab",     "SADD k a",
      "SADD k a b",     "SADD k ab",      "HSET k a b",     "HSET k b a",
      "HSET k a b b a", "HSET k a a b b", "SET other a",    "RPUSH k a a",
  };
  std::set<std::string> digests;
  for (const std::string& request : requests) {
    FakeServer server;
    server.Run(request);
    digests.insert(DatasetDigest(server.keyspace));
  }
  CHECK(digests.size() == requests.size());
}

TEST_CASE("a key that is not there has a digest of zeros") {
  FakeServer server;
  CHECK(NoValueDigest() == std::string(40, '0'));
  CHECK(DatasetDigest(server.keyspace) == NoValueDigest());
}

}  // namespace
}  // namespace kv
