#include "wire/shape.h"

#include <cstddef>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "clusterkit/node_details.h"
#include "clusterkit/slot.h"
#include "clusterkit/types.h"
#include "clusterkit/v1/bus.pb.h"
#include "wire/field_path.h"
#include "wire/limits.h"

namespace clusterkit::wire {
namespace {

namespace pb = ::clusterkit::v1;

// The numbers that bus.proto sets aside for kinds. A number in here that we do not know is a kind
// of a later version; outside, it is an addition that may be ignored.
constexpr uint32_t kLastFrameKind = 15;
constexpr uint32_t kFirstBody = 10;
constexpr uint32_t kLastBody = 99;

struct Field {
  uint32_t number = 0;
  bool has_payload = false;  // Wire type "length delimited"; only then is `payload` set.
  std::string_view payload;
};

// Reads the fields of one protobuf message in order. It must not see fewer elements than
// protobuf's parser would, so it is stricter than that: tags over 32 bits, which the parser cuts,
// and groups, which nobody sends, are malformed here.
class FieldReader {
 public:
  explicit FieldReader(std::string_view bytes) : rest_(bytes) {}

  bool Done() const { return rest_.empty(); }

  // False if the bytes are malformed.
  bool Next(Field& field) {
    uint64_t tag = 0;
    if (!ReadVarint(tag) || tag > UINT32_MAX || (tag >> 3) == 0) return false;
    field = Field();
    field.number = static_cast<uint32_t>(tag >> 3);
    uint64_t number = 0;
    switch (tag & 7) {
      case 0:
        return ReadVarint(number);
      case 1:
        return Skip(8);
      case 2:
        if (!ReadVarint(number) || number > rest_.size()) return false;
        field.has_payload = true;
        field.payload = rest_.substr(0, static_cast<size_t>(number));
        return Skip(field.payload.size());
      case 5:
        return Skip(4);
      default:
        return false;
    }
  }

 private:
  bool ReadVarint(uint64_t& value) {
    value = 0;
    for (size_t i = 0; i < rest_.size() && i < 10; ++i) {
      const uint8_t byte = static_cast<uint8_t>(rest_[i]);
      value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
      if (byte < 0x80) return Skip(i + 1);
    }
    return false;
  }

  bool Skip(size_t bytes) {
    if (bytes > rest_.size()) return false;
    rest_.remove_prefix(bytes);
    return true;
  }

  std::string_view rest_;
};

// The one field of `bytes` whose number is in [first, last].
absl::Status FindKind(const FieldPath& at, std::string_view bytes, uint32_t first, uint32_t last,
                      Field& kind) {
  kind = Field();
  FieldReader reader(bytes);
  while (!reader.Done()) {
    Field field;
    if (!reader.Next(field)) return at.Invalid("malformed fields");
    if (field.number < first || field.number > last) continue;
    if (kind.number != 0) return at.Invalid("more than one kind");
    kind = field;
  }
  if (kind.number == 0) return at.Invalid("no kind");
  return absl::OkStatus();
}

// Each entry of a list begins with the id of a node.
constexpr size_t kMinEntryBytes = 2 + NodeId::kSize;

// Counts the entries that field `number` of the message `bytes` repeats.
absl::Status CheckList(const FieldPath& parent, const char* name, std::string_view bytes,
                       uint32_t number, size_t limit) {
  size_t count = 0;
  FieldReader reader(bytes);
  while (!reader.Done()) {
    Field field;
    if (!reader.Next(field)) return parent.Invalid("malformed fields");
    if (field.number != number || !field.has_payload) continue;
    if (field.payload.size() < kMinEntryBytes) {
      return FieldPath(parent, name, count)
          .Invalid(absl::StrCat(field.payload.size(), " bytes are too few"));
    }
    ++count;
  }
  if (count > limit) return FieldPath(parent, name).OverLimit(count, "entries", limit);
  return absl::OkStatus();
}

// The pairs of the sender's details. A field that stands more than once is merged by the parser.
absl::Status CheckDetails(const FieldPath& at, std::string_view message) {
  size_t pairs = 0;
  FieldReader reader(message);
  while (!reader.Done()) {
    Field header;
    if (!reader.Next(header)) return at.Invalid("malformed fields");
    if (header.number != pb::Message::kHeaderFieldNumber || !header.has_payload) continue;
    FieldReader headers(header.payload);
    while (!headers.Done()) {
      Field details;
      if (!headers.Next(details)) return at.Invalid("malformed fields");
      if (details.number != pb::Header::kDetailsFieldNumber || !details.has_payload) continue;
      FieldReader reader_of_details(details.payload);
      while (!reader_of_details.Done()) {
        Field pair;
        if (!reader_of_details.Next(pair)) return at.Invalid("malformed fields");
        if (pair.number == pb::NodeDetails::kMetadataFieldNumber) ++pairs;
      }
    }
  }
  if (pairs <= NodeDetails::kMaxPairs) return absl::OkStatus();
  const FieldPath header(at, "header");
  const FieldPath details(header, "details");
  return FieldPath(details, "metadata").OverLimit(pairs, "entries", NodeDetails::kMaxPairs);
}

absl::Status Unknown(const FieldPath& at, uint32_t number) {
  return absl::UnimplementedError(absl::StrCat(at.ToString(), ": unknown kind ", number));
}

// The list that a header can hold. Parsed once for each copy of the field that there is: protobuf
// joins them.
absl::Status CheckHeader(const FieldPath& parent, std::string_view bytes) {
  const FieldPath at(parent, "header");
  FieldReader reader(bytes);
  while (!reader.Done()) {
    Field field;
    if (!reader.Next(field)) return at.Invalid("malformed fields");
    if (field.number != pb::Header::kOpenSlotsFieldNumber) continue;
    if (!field.has_payload) return at.Invalid("open_slots is not a message");
    CLUSTERKIT_RETURN_IF_ERROR(CheckList(FieldPath(at, "open_slots"), "groups", field.payload,
                                         pb::OpenSlots::kGroupsFieldNumber, kSlotCount));
  }
  return absl::OkStatus();
}

absl::Status CheckMessage(std::string_view bytes) {
  const FieldPath at("message");
  FieldReader reader(bytes);
  while (!reader.Done()) {
    Field field;
    if (!reader.Next(field)) return at.Invalid("malformed fields");
    if (field.number != pb::Message::kHeaderFieldNumber || !field.has_payload) continue;
    CLUSTERKIT_RETURN_IF_ERROR(CheckHeader(at, field.payload));
  }
  Field body;
  CLUSTERKIT_RETURN_IF_ERROR(FindKind(at, bytes, kFirstBody, kLastBody, body));
  if (!body.has_payload) return at.Invalid("the body is not a message");
  CLUSTERKIT_RETURN_IF_ERROR(CheckDetails(at, bytes));
  using Message = pb::Message;
  switch (body.number) {
    case Message::kHeartbeatFieldNumber:
      CLUSTERKIT_RETURN_IF_ERROR(CheckList(FieldPath(at, "heartbeat"), "forgotten", body.payload,
                                           pb::Heartbeat::kForgottenFieldNumber, kMaxForgotten));
      return CheckList(FieldPath(at, "heartbeat"), "gossip", body.payload,
                       pb::Heartbeat::kGossipFieldNumber, kMaxGossipEntries);
    case Message::kSuspicionReportFieldNumber:
      return CheckList(FieldPath(at, "suspicion_report"), "items", body.payload,
                       pb::SuspicionReport::kItemsFieldNumber, kMaxNodes);
    case Message::kFailNoticeFieldNumber:
    case Message::kProgressReportFieldNumber:
    case Message::kFailoverAuthRequestFieldNumber:
    case Message::kFailoverAuthAckFieldNumber:
    case Message::kFailoverAuthRefusalFieldNumber:
    case Message::kFailoverAuthWithdrawFieldNumber:
    case Message::kSlotUpdateFieldNumber:
    case Message::kStandRequestFieldNumber:
    case Message::kPauseRequestFieldNumber:
    case Message::kSlotMoveStepFieldNumber:
    case Message::kSlotMoveAnswerFieldNumber:
      return absl::OkStatus();
    default:
      return Unknown(at, body.number);
  }
}

}  // namespace

absl::Status CheckShape(std::string_view frame) {
  const FieldPath at("frame");
  // Protobuf's parser counts in int.
  if (frame.size() > INT32_MAX) return at.OverLimit(frame.size(), "bytes", INT32_MAX);
  Field kind;
  CLUSTERKIT_RETURN_IF_ERROR(FindKind(at, frame, 1, kLastFrameKind, kind));
  if (!kind.has_payload) return at.Invalid("the kind is not a message");
  switch (kind.number) {
    case pb::Frame::kHelloFieldNumber:
    case pb::Frame::kGoodbyeFieldNumber:
      return absl::OkStatus();
    case pb::Frame::kMessageFieldNumber:
      return CheckMessage(kind.payload);
    default:
      return Unknown(at, kind.number);
  }
}

}  // namespace clusterkit::wire
