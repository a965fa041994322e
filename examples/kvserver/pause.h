#ifndef KVSERVER_PAUSE_H_
#define KVSERVER_PAUSE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

namespace kv {

// Which requests of ordinary clients wait instead of being served, and until when. Several reasons
// may hold at once, each with a deadline of its own; the strongest of them counts. While there is
// one the data set stands still: expired keys are hidden but kept. Replicas and the stream of a
// primary are not concerned. Data thread only.
class Pause {
 public:
  enum class Reason : uint8_t { kClientPause, kManualFailover };
  enum class Kind : uint8_t { kNone, kWrites, kAll };

  // `clock` gives milliseconds of a clock that never goes back.
  explicit Pause(std::function<int64_t()> clock) : clock_(std::move(clock)) {}
  Pause(const Pause&) = delete;
  Pause& operator=(const Pause&) = delete;

  int64_t now_ms() const { return clock_(); }
  // Lasts until `until_ms` of that clock, or End. Said again for the same reason, it makes the
  // pause no shorter and no weaker.
  void Begin(Reason reason, Kind kind, int64_t until_ms);
  void End(Reason reason);
  // Ends what has lasted its time. The server calls it at `deadline_ms`.
  void Expire();
  std::optional<int64_t> deadline_ms() const;  // of the reason that ends first

  Kind kind() const { return kind_; }
  bool active() const { return kind_ != Kind::kNone; }
  bool has(Reason reason) const { return At(reason).kind != Kind::kNone; }
  // No change is made any more: there is a pause, and what had begun before it has come to its end.
  bool in_effect() const { return active() && writes_under_way_ == 0; }

  // A change that takes longer than one turn, like a transaction that waits for an answer. A pause
  // does not stop it, but takes effect only when it has ended.
  class LongWrite {
   public:
    explicit LongWrite(Pause& pause) : pause_(pause) { ++pause_.writes_under_way_; }
    ~LongWrite() {
      if (--pause_.writes_under_way_ == 0) pause_.Update();
    }
    LongWrite(const LongWrite&) = delete;
    LongWrite& operator=(const LongWrite&) = delete;

   private:
    Pause& pause_;
  };

  // Called when kind, in_effect or deadline_ms changed.
  void OnChange(std::function<void()> listener) { listeners_.push_back(std::move(listener)); }

 private:
  struct Hold {
    Kind kind = Kind::kNone;
    int64_t until_ms = 0;
  };

  const Hold& At(Reason reason) const { return holds_[static_cast<size_t>(reason)]; }
  Hold& At(Reason reason) { return holds_[static_cast<size_t>(reason)]; }
  void Update();

  std::function<int64_t()> clock_;
  std::array<Hold, 2> holds_;
  Kind kind_ = Kind::kNone;
  int writes_under_way_ = 0;
  std::vector<std::function<void()>> listeners_;
};

}  // namespace kv

#endif  // KVSERVER_PAUSE_H_
