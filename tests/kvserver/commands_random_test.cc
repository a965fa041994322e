// SPOP and SRANDMEMBER: what is left to chance, and what is not.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "fixture.h"
#include "support/catch.h"

namespace kv {
namespace {

using Stream = std::vector<std::string>;

std::set<std::string> AsSet(const std::vector<std::string>& words) {
  return {words.begin(), words.end()};
}

TEST_CASE("random members are members, each as likely as any other") {
  FakeServer server;
  for (const int size : {5, 50}) {
    const std::string key = "s" + std::to_string(size);
    AddMembers(server, key, size);
    std::map<std::string, int> drawn;
    const int draws = 400 * size;
    for (int i = 0; i < draws; ++i) ++drawn[Bulks(server.Run("SRANDMEMBER " + key))[0]];
    CHECK(drawn.size() == static_cast<size_t>(size));
    // 400 each, with a standard deviation of 20.
    for (const auto& [member, count] : drawn) {
      CAPTURE(member);
      CHECK(count > 250);
      CHECK(count < 550);
    }
  }
}

TEST_CASE("a positive count draws different members, a negative one any") {
  FakeServer server;
  AddMembers(server, "s", 100);
  const std::set<std::string> all = AsSet(Bulks(server.Run("SMEMBERS s")));
  std::set<std::string> seen;
  for (const int count : {1, 2, 50, 98, 99}) {
    for (int i = 0; i < 50; ++i) {
      const auto drawn = Bulks(server.Run("SRANDMEMBER s " + std::to_string(count)));
      REQUIRE(drawn.size() == static_cast<size_t>(count));
      REQUIRE(AsSet(drawn).size() == drawn.size());
      seen.insert(drawn.begin(), drawn.end());
    }
  }
  CHECK(seen == all);
  const auto repeated = Bulks(server.Run("SRANDMEMBER s -1000"));
  CHECK(repeated.size() == 1000);
  for (const std::string& member : repeated) CHECK(all.count(member) == 1);
  CHECK(server.Run("SCARD s") == ":100\r\n");
  CHECK(server.TakeStream().size() == 1);
}

TEST_CASE("fields and members of sorted sets are drawn with their values") {
  FakeServer server;
  for (int i = 0; i < 300; ++i) {
    const std::string number = std::to_string(i);
    server.Run("HSET h f" + number + " v" + number);
    server.Run("ZADD z " + number + " f" + number);
  }
  for (const std::string request :
       {"HRANDFIELD h 40 WITHVALUES", "ZRANDMEMBER z 40 WITHSCORES", "HRANDFIELD h -40 WITHVALUES",
        "ZRANDMEMBER z -40 WITHSCORES"}) {
    CAPTURE(request);
    const auto drawn = Bulks(server.Run(request));
    REQUIRE(drawn.size() == 80);
    std::set<std::string> names;
    for (size_t i = 0; i < drawn.size(); i += 2) {
      const std::string number = drawn[i].substr(1);
      CHECK((drawn[i + 1] == number || drawn[i + 1] == "v" + number));
      names.insert(drawn[i]);
    }
    if (request.find('-') == std::string::npos) CHECK(names.size() == 40);
  }
}

TEST_CASE("a request of a few bytes does not make a reply without end") {
  FakeServer server;
  server.RunWords({"SADD", "s", std::string(1 << 20, 'x')});
  CHECK(server.Run("SRANDMEMBER s -9223372036854775807") ==
        "-ERR count is out of range: the reply would be too large\r\n");
  CHECK(Bulks(server.Run("SRANDMEMBER s -100")).size() == 100);
}

TEST_CASE("popped members are gone, and replicas are told which") {
  FakeServer server;
  AddMembers(server, "s", 100);
  std::set<std::string> left = AsSet(Bulks(server.Run("SMEMBERS s")));
  server.TakeStream();

  const std::string one = Bulks(server.Run("SPOP s"))[0];
  CHECK(left.erase(one) == 1);
  CHECK(server.TakeStream() == Stream{"SREM s " + one});

  const std::vector<std::string> popped = Bulks(server.Run("SPOP s 60"));
  CHECK(popped.size() == 60);
  std::string removal = "SREM s";
  for (const std::string& member : popped) {
    CHECK(left.erase(member) == 1);
    removal += " " + member;
  }
  CHECK(server.TakeStream() == Stream{removal});
  CHECK(AsSet(Bulks(server.Run("SMEMBERS s"))) == left);

  CHECK(AsSet(Bulks(server.Run("SPOP s 1000"))) == left);
  CHECK(server.TakeStream() == Stream{"DEL s"});
  CHECK(server.keyspace.size() == 0);
  server.Run("SADD s last");
  server.TakeStream();
  server.Run("SPOP s");
  CHECK(server.TakeStream() == Stream{"SREM s last"});
  CHECK(server.keyspace.size() == 0);
}

}  // namespace
}  // namespace kv
