#include "clusterkit/node_details.h"

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "support/catch.h"

namespace clusterkit {
namespace {

NodeDetails Full() { return {"h.example.org", "alpha", {{"rack", "r7"}, {"zone", "\xc3\xa4"}}}; }

TEST_CASE("details at the edge of their range are accepted") {
  const std::vector<std::function<void(NodeDetails&)>> edges = {
      [](NodeDetails& d) { d = {}; },
      [](NodeDetails& d) { d.hostname = std::string(255, 'h'); },
      [](NodeDetails& d) { d.name = std::string(128, 'n'); },
      [](NodeDetails& d) {
        d.metadata = {{std::string(64, 'k'), std::string(512, 'v')}};
      },
      [](NodeDetails& d) {
        d.metadata = {{"a/b:c-d_e.f", "any text, = too"}};
      },
      [](NodeDetails& d) {
        d.metadata.clear();
        for (char c = 'a'; c < 'a' + 8; ++c) d.metadata[std::string(1, c)] = std::string(511, 'v');
      },
  };
  for (const auto& edge : edges) {
    NodeDetails details = Full();
    edge(details);
    INFO(details.Validate().message());
    CHECK(details.Validate().ok());
  }
}

TEST_CASE("details out of range are refused, by name") {
  struct Case {
    std::string text;
    std::function<void(NodeDetails&)> spoil;
  };
  const std::vector<Case> cases = {
      {"hostname: 256 bytes", [](NodeDetails& d) { d.hostname = std::string(256, 'h'); }},
      {"hostname: has a character", [](NodeDetails& d) { d.hostname = "a_b"; }},
      {"name: 129 bytes", [](NodeDetails& d) { d.name = std::string(129, 'n'); }},
      {"name: has a character", [](NodeDetails& d) { d.name = "a b"; }},
      {"name: has a character", [](NodeDetails& d) { d.name = "a=b"; }},
      {"metadata: empty key", [](NodeDetails& d) { d.metadata[""] = "v"; }},
      {"metadata key: 65 bytes", [](NodeDetails& d) { d.metadata[std::string(65, 'k')] = "v"; }},
      {"metadata key: has a character", [](NodeDetails& d) { d.metadata["a b"] = "v"; }},
      {"metadata value: 513 bytes",
       [](NodeDetails& d) { d.metadata["k"] = std::string(513, 'v'); }},
      {"metadata value: has a character", [](NodeDetails& d) { d.metadata["k"] = "a\nb"; }},
      {"metadata value: has a character", [](NodeDetails& d) { d.metadata["k"] = "\xff"; }},
      {"metadata: 33 pairs",
       [](NodeDetails& d) {
         d.metadata.clear();
         for (int i = 0; i < 33; ++i) d.metadata[std::to_string(i)] = "v";
       }},
      {"metadata: 4104 bytes",
       [](NodeDetails& d) {
         d.metadata.clear();
         for (char c = 'a'; c < 'a' + 8; ++c) d.metadata[std::string(1, c)] = std::string(512, 'v');
       }},
  };
  for (const Case& c : cases) {
    NodeDetails details = Full();
    c.spoil(details);
    const std::string message(details.Validate().message());
    INFO(c.text << ": " << message);
    CHECK(absl::IsInvalidArgument(details.Validate()));
    CHECK(message.rfind(c.text, 0) == 0);
  }
}

TEST_CASE("the digest names the content, and only nothing has digest zero") {
  CHECK(NodeDetails().Digest() == 0);
  CHECK(Full().Digest() == Full().Digest());
  const std::vector<NodeDetails> different = {Full(),
                                              {"ab", "", {}},
                                              {"a", "b", {}},
                                              {"", "ab", {}},
                                              {"", "", {{"ab", ""}}},
                                              {"", "", {{"a", "b"}}},
                                              {"", "", {{"a", ""}, {"b", ""}}}};
  std::set<uint64_t> digests = {0};
  for (const NodeDetails& details : different) digests.insert(details.Digest());
  CHECK(digests.size() == different.size() + 1);
}

}  // namespace
}  // namespace clusterkit
