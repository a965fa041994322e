#include "node/pump.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace clusterkit {

absl::Status Pump::Begin(Ready first) {
  running_ = true;
  Accept(std::move(first));
  StartSave();
  running_ = false;
  if (!failure_.ok()) return failure_;
  RunSoon();
  return absl::OkStatus();
}

void Pump::Run() {
  if (running_ || Stopped()) return;
  const std::shared_ptr<Pump> self = shared_from_this();
  running_ = true;
  while (!Stopped() && Step()) {
  }
  running_ = false;
  if (!Stopped()) Arm();
}

void Pump::RunSoon() {
  if (run_posted_ || Stopped()) return;
  run_posted_ = true;
  ports_.loop->Post([weak = weak_from_this()] {
    if (std::shared_ptr<Pump> self = weak.lock()) {
      self->run_posted_ = false;
      self->Run();
    }
  });
}

// What is held goes before what the source has: batches keep their order.
bool Pump::Step() {
  StartSave();
  if (!failure_.ok()) {
    Halt(failure_);
    return false;
  }
  if (reported_ < durable_) {
    reported_ = durable_;
    source_->OnSaved(*durable_, ports_.loop->Now());
    return true;
  }
  if (!held_.empty() && held_.front().gate <= durable_) {
    Held batch = std::move(held_.front());
    held_.pop_front();
    held_frames_ -= batch.sends.size();
    held_events_ -= batch.events.size();
    Release(std::move(batch));
    return true;
  }
  Ready batch = source_->TakeReady();
  if (batch.empty()) return false;
  Accept(std::move(batch));
  return true;
}

void Pump::Accept(Ready batch) {
  if (ports_.trace != nullptr) {
    for (const TraceRecord& record : batch.trace) ports_.trace->OnTrace(record);
  }
  for (const Dial& dial : batch.dials) ports_.transport->Dial(dial.link, dial.to);
  Send(batch.prompt);
  for (LinkId link : batch.hangups) ports_.transport->Close(link);
  if (batch.save) {
    if (batch.save->must_sync) gate_ = batch.save->number;
    if (next_save_) batch.save->must_sync |= next_save_->must_sync;
    next_save_ = std::move(batch.save);
  }
  if (!batch.events.empty()) last_event_ = batch.events.back().number;
  if (batch.sends.empty() && batch.view == nullptr && batch.events.empty()) return;
  Hold({gate_, std::move(batch.sends), std::move(batch.view), std::move(batch.events)});
}

void Pump::Hold(Held batch) {
  held_frames_ += batch.sends.size();
  held_events_ += batch.events.size();
  const bool merge = !held_.empty() && (held_.size() >= kMaxHeldBatches ||
                                        held_frames_ - batch.sends.size() >= kMaxHeldFrames);
  if (!merge) {
    held_.push_back(std::move(batch));
  } else {
    Held& last = held_.back();
    last.gate = batch.gate;
    held_frames_ -= last.sends.size();
    frames_outdated_ += last.sends.size();
    last.sends = std::move(batch.sends);
    if (batch.view != nullptr) last.view = std::move(batch.view);
    last.events.insert(last.events.end(), std::make_move_iterator(batch.events.begin()),
                       std::make_move_iterator(batch.events.end()));
  }
  if (held_events_ > kMaxHeldEvents && failure_.ok() && held_.front().gate > durable_) {
    failure_ = absl::ResourceExhaustedError(
        absl::StrCat("saving takes too long: ", held_events_, " events wait for it"));
  }
}

// The owner may be gone, or halted, after each call to the observer.
void Pump::Release(Held batch) {
  Send(batch.sends);
  if (batch.view != nullptr) ports_.views->Publish(std::move(batch.view));
  if (ports_.observer == nullptr || batch.events.empty()) return;
  const Instant now = ports_.loop->Now();
  for (const StampedEvent& event : batch.events) {
    if (Stopped()) return;
    ports_.observer->OnStampedEvent(event, now);
  }
}

void Pump::Send(const std::vector<Outbound>& frames) {
  for (const Outbound& out : frames) {
    std::string bytes = ports_.codec->Encode(out.frame);
    Metrics::Traffic& traffic = sent_[static_cast<size_t>(KindOf(out.frame))];
    ++traffic.frames;
    traffic.bytes += bytes.size();
    ports_.transport->Send(out.link, std::move(bytes));
  }
}

void Pump::StartSave() {
  if (saving_ || !next_save_ || !failure_.ok()) return;
  // A local copy: `done` may be called inside Save, while the store still reads the state.
  const SaveRequest request = *std::exchange(next_save_, std::nullopt);
  saving_ = true;
  save_started_ = ports_.loop->Now();
  ports_.store->Save(request.state, request.must_sync,
                     [weak = weak_from_this(), number = request.number,
                      synced = request.must_sync](const absl::Status& status) {
                       if (std::shared_ptr<Pump> self = weak.lock()) {
                         self->OnSaveDone(number, synced, status);
                       }
                     });
}

void Pump::OnSaveDone(uint64_t number, bool synced, const absl::Status& status) {
  if (Stopped()) return;
  saving_ = false;
  if (status.ok()) {
    durable_ = number;
    ++(synced ? saves_synced_ : saves_);
    const absl::Duration took = ports_.loop->Now() - save_started_;
    save_.Add(static_cast<uint64_t>(std::max<int64_t>(absl::ToInt64Nanoseconds(took), 0)));
  } else {
    failure_ = status;
  }
  Run();
}

void Pump::Halt(const absl::Status& cause) {
  halted_ = absl::UnavailableError(absl::StrCat("halted: ", cause.message()));
  frames_halted_ += held_frames_;
  held_.clear();
  held_frames_ = held_events_ = 0;
  next_save_.reset();
  ports_.loop->WakeAt(Instant::InfiniteFuture(), nullptr);
  source_->OnStopped();
  ports_.transport->Shutdown();
  if (ports_.observer == nullptr) return;
  const Instant now = ports_.loop->Now();
  ports_.observer->OnStampedEvent({Halted{cause}, ++last_event_, 0, now}, now);
}

void Pump::AddTo(Metrics& metrics) const {
  metrics.sent = sent_;
  metrics.frames_dropped[FrameDrop::kOutdated] += frames_outdated_;
  metrics.frames_dropped[FrameDrop::kHalted] += frames_halted_;
  metrics.saves = saves_;
  metrics.saves_synced = saves_synced_;
  metrics.save = save_;
  metrics.now.held_frames = held_frames_;
  metrics.now.held_events = held_events_;
}

void Pump::Close() {
  if (source_ == nullptr) return;
  source_->OnStopped();
  source_ = nullptr;
  held_.clear();
  next_save_.reset();
  if (!halted_.ok()) return;
  ports_.loop->WakeAt(Instant::InfiniteFuture(), nullptr);
  ports_.transport->Shutdown();
}

void Pump::Arm() {
  const Instant deadline = source_->NextDeadline();
  if (armed_ == deadline) return;
  armed_ = deadline;
  ports_.loop->WakeAt(deadline, [weak = weak_from_this()] {
    if (std::shared_ptr<Pump> self = weak.lock()) self->OnWake();
  });
}

void Pump::OnWake() {
  armed_.reset();
  if (Stopped()) return;
  source_->OnTick(ports_.loop->Now());
  Run();
}

}  // namespace clusterkit
