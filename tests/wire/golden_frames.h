// Frames whose bytes are pinned in tests/wire/golden/: nodes of different builds must agree on
// them for as long as the protocol version stays.

#ifndef CLUSTERKIT_TESTS_WIRE_GOLDEN_FRAMES_H_
#define CLUSTERKIT_TESTS_WIRE_GOLDEN_FRAMES_H_

#include <string>
#include <vector>

#include "clusterkit/message.h"

namespace clusterkit::testing {

struct GoldenFrame {
  std::string name;   // Of the file.
  std::string about;  // For its first line.
  Frame frame;
};

// At least one of every kind and body, plain and with every field at an extreme.
std::vector<GoldenFrame> GoldenFrames();

// 20 bytes: n, n+1, n+2 ...
NodeId GoldenNode(int n);
ShardId GoldenShard(int n);

// What a primary in a running cluster of six says: the frame that is sent most. No claim.
Message TypicalHeartbeat();

}  // namespace clusterkit::testing

#endif  // CLUSTERKIT_TESTS_WIRE_GOLDEN_FRAMES_H_
