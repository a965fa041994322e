#include "clusterkit/message.h"

#include <type_traits>

#include "base/check.h"

namespace clusterkit {

std::string_view MessageKindName(MessageKind kind) {
  switch (kind) {
    case MessageKind::kPing:
      return "ping";
    case MessageKind::kPong:
      return "pong";
    case MessageKind::kMeet:
      return "meet";
    case MessageKind::kSuspicion:
      return "suspicion";
    case MessageKind::kFail:
      return "fail";
    case MessageKind::kProgress:
      return "progress";
    case MessageKind::kAuthRequest:
      return "auth-req";
    case MessageKind::kAuthAck:
      return "auth-ack";
    case MessageKind::kAuthRefusal:
      return "auth-refusal";
    case MessageKind::kAuthWithdraw:
      return "auth-withdraw";
    case MessageKind::kUpdate:
      return "update";
    case MessageKind::kStand:
      return "stand";
    case MessageKind::kPause:
      return "pause";
    case MessageKind::kSlotMove:
      return "slot-move";
    case MessageKind::kSlotMoveAnswer:
      return "slot-move-answer";
  }
  return "unknown";
}

MessageKind KindOf(const Message& message) {
  if (const auto* heartbeat = std::get_if<Heartbeat>(&message.body)) {
    switch (heartbeat->kind) {
      case Heartbeat::Kind::kPing:
        return MessageKind::kPing;
      case Heartbeat::Kind::kPong:
        return MessageKind::kPong;
      case Heartbeat::Kind::kMeet:
        return MessageKind::kMeet;
    }
  }
  // The enumeration repeats the order of the variant, with three kinds for its first member.
  static_assert(std::variant_size_v<MessageBody> + 2 == kMessageKinds);
  static_assert(std::is_same_v<std::variant_alternative_t<0, MessageBody>, Heartbeat>);
  CLUSTERKIT_CHECK(!message.body.valueless_by_exception());
  return static_cast<MessageKind>(message.body.index() + 2);
}

}  // namespace clusterkit
