#include "replicated_register/message.h"

#include <cstddef>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "clusterkit/describe.h"

namespace replicated_register {
namespace {

using clusterkit::NodeId;
using clusterkit::SlotId;

// A message is a line of words.
struct Writer {
  std::string operator()(const Write& m) const {
    return absl::StrCat(m.asking ? "ask-write " : "write ", m.slot.value, " ", m.value);
  }
  std::string operator()(const Written& m) const {
    return absl::StrCat("written ", m.slot.value, " ", m.value, " ", m.former);
  }
  std::string operator()(const Refused& m) const {
    return absl::StrCat(m.ask ? "ask " : "refused ", m.slot.value, " ", m.owner.port, " ",
                        m.owner.host);
  }
  std::string operator()(const Bring& m) const {
    return absl::StrCat("bring ", m.slot.value, " ", m.value);
  }
  std::string operator()(const Brought& m) const {
    return absl::StrCat("brought ", m.slot.value, " ", m.value);
  }
  std::string operator()(const Follow& m) const {
    return absl::StrCat("follow ", m.replica.ToHex());
  }
  std::string operator()(const Confirm& m) const {
    return absl::StrCat("confirm ", m.generation, " ", m.history.value, " ", m.offset);
  }
  std::string operator()(const Copy& m) const {
    std::string text = absl::StrCat("copy ", m.generation, " ", m.history.value, " ", m.offset, " ",
                                    m.epoch.value, " ", m.holders.size());
    for (const auto& [id, since] : m.holders) absl::StrAppend(&text, " ", id.ToHex(), " ", since);
    for (const auto& [slot, value] : m.values) absl::StrAppend(&text, " ", slot.value, " ", value);
    return text;
  }
};

// Reads word by word; `ok` stays false after the first that is not what it should be.
class Reader {
 public:
  explicit Reader(absl::string_view text) : words_(absl::StrSplit(text, ' ')) {}

  bool ok() const { return ok_; }
  bool AtEnd() const { return next_ == words_.size(); }

  absl::string_view Word() {
    ok_ = ok_ && !AtEnd();
    return ok_ ? words_[next_++] : absl::string_view();
  }
  uint64_t Number() {
    uint64_t number = 0;
    ok_ = absl::SimpleAtoi(Word(), &number) && ok_;
    return number;
  }
  SlotId Slot() {
    const uint64_t number = Number();
    ok_ = ok_ && number < clusterkit::kSlotCount;
    return ok_ ? SlotId{static_cast<uint16_t>(number)} : SlotId();
  }
  uint16_t Port() {
    const uint64_t number = Number();
    ok_ = ok_ && number <= UINT16_MAX;
    return static_cast<uint16_t>(number);
  }
  NodeId Id() {
    const absl::string_view word = Word();
    const absl::StatusOr<NodeId> id = NodeId::FromHex({word.data(), word.size()});
    ok_ = ok_ && id.ok();
    return ok_ ? *id : NodeId();
  }

 private:
  const std::vector<absl::string_view> words_;
  size_t next_ = 0;
  bool ok_ = true;
};

std::optional<Message> Read(Reader& in) {
  const absl::string_view kind = in.Word();
  if (kind == "write") return Write{in.Slot(), in.Number(), false};
  if (kind == "ask-write") return Write{in.Slot(), in.Number(), true};
  if (kind == "bring") return Bring{in.Slot(), in.Number()};
  if (kind == "brought") return Brought{in.Slot(), in.Number()};
  if (kind == "written") return Written{in.Slot(), in.Number(), in.Number()};
  if (kind == "refused" || kind == "ask") {
    Refused refused{in.Slot(), {}, kind == "ask"};
    refused.owner.port = in.Port();
    refused.owner.host = std::string(in.Word());
    return refused;
  }
  if (kind == "follow") return Follow{in.Id()};
  if (kind == "confirm") return Confirm{in.Number(), {in.Number()}, in.Number()};
  if (kind != "copy") return std::nullopt;
  Copy copy{in.Number(), {in.Number()}, in.Number(), {in.Number()}, {}, {}};
  for (uint64_t holders = in.Number(); holders > 0 && in.ok(); --holders) {
    const NodeId id = in.Id();
    copy.holders[id] = in.Number();
  }
  while (in.ok() && !in.AtEnd()) {
    const SlotId slot = in.Slot();
    copy.values[slot] = in.Number();
  }
  return copy;
}

}  // namespace

std::string Encode(const Message& message) { return std::visit(Writer(), message); }

std::optional<Message> Decode(std::string_view bytes) {
  Reader in(absl::string_view(bytes.data(), bytes.size()));
  std::optional<Message> message = Read(in);
  if (!in.ok() || !in.AtEnd()) return std::nullopt;
  return message;
}

std::string Describe(const Copy& copy) {
  std::string text =
      absl::StrCat("history ", copy.history.value, ", offset ", copy.offset, ", held by");
  for (const auto& [id, since] : copy.holders) {
    absl::StrAppend(&text, " ", clusterkit::ShortName(id));
  }
  absl::StrAppend(&text, ":");
  for (const auto& [slot, value] : copy.values) {
    absl::StrAppend(&text, " ", slot.value, "=", value);
  }
  return text;
}

}  // namespace replicated_register
