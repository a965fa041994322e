#include "kvserver/pause.h"

#include <algorithm>

namespace kv {

void Pause::Begin(Reason reason, Kind kind, int64_t until_ms) {
  Hold& hold = At(reason);
  hold.kind = std::max(hold.kind, kind);
  hold.until_ms = std::max(hold.until_ms, until_ms);
  Update();
}

void Pause::End(Reason reason) {
  At(reason) = Hold();
  Update();
}

void Pause::Expire() {
  const int64_t now = now_ms();
  for (Hold& hold : holds_) {
    if (hold.until_ms <= now) hold = Hold();
  }
  Update();
}

std::optional<int64_t> Pause::deadline_ms() const {
  std::optional<int64_t> first;
  for (const Hold& hold : holds_) {
    if (hold.kind == Kind::kNone) continue;
    first = std::min(first.value_or(hold.until_ms), hold.until_ms);
  }
  return first;
}

void Pause::Update() {
  kind_ = Kind::kNone;
  for (const Hold& hold : holds_) kind_ = std::max(kind_, hold.kind);
  for (const auto& listener : listeners_) listener();
}

}  // namespace kv
