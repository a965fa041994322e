#include "clusterkit/metrics.h"

#include <algorithm>
#include <variant>

namespace clusterkit {

void Histogram::Add(uint64_t nanoseconds) {
  const auto bucket = std::lower_bound(kBounds.begin(), kBounds.end(), nanoseconds);
  ++counts[static_cast<size_t>(bucket - kBounds.begin())];
  ++count;
  sum = nanoseconds > UINT64_MAX - sum ? UINT64_MAX : sum + nanoseconds;
}

FrameKind KindOf(const Frame& frame) {
  if (std::holds_alternative<Hello>(frame)) return FrameKind::kHello;
  if (std::holds_alternative<Goodbye>(frame)) return FrameKind::kGoodbye;
  return static_cast<FrameKind>(KindOf(std::get<Message>(frame)));
}

std::string_view FrameKindName(FrameKind kind) {
  if (kind == FrameKind::kHello) return "hello";
  if (kind == FrameKind::kGoodbye) return "goodbye";
  return MessageKindName(static_cast<MessageKind>(kind));
}

}  // namespace clusterkit
