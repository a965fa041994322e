#include "kvserver/persistence.h"

#include <chrono>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kvserver/log.h"
#include "kvserver/rdb_decoder.h"
#include "kvserver/rdb_file.h"
#include "kvserver/server.h"
#include "kvserver/text.h"

namespace kv {
namespace {

// As much as the disk gets at a time; encoding pauses while twice as much waits for it.
constexpr size_t kChunk = 1 << 20;
constexpr size_t kEntriesPerStep = 64;
// Of each millisecond at most half, because nobody waits for the end.
constexpr uint64_t kStepBudgetNs = 500'000;
constexpr uint64_t kStepIntervalMs = 1;
constexpr int64_t kRetryAfterFailureS = 5;
constexpr int64_t kReportIntervalMs = 2000;

int64_t UnixSeconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

struct Persistence::Job {
  explicit Job(std::string path) : file(std::move(path)) {}

  uv_work_t work = {};
  Persistence* owner = nullptr;  // null: it is gone
  RdbFile file;
  std::string bytes;  // that the pool writes
  bool last = false;
  bool writing = false;
  absl::Status status;
};

Persistence::Persistence(Server& server)
    : server_(server), timer_(server.loop(), [this] { Advance(); }), last_save_s_(UnixSeconds()) {}

Persistence::~Persistence() { Abandon(); }

void Persistence::Abandon() {
  Job* job = std::exchange(job_, nullptr);
  if (job == nullptr) return;
  job->owner = nullptr;
  if (!job->writing) delete job;
}

std::string Persistence::path() const { return server_.config().dbfilename; }

// --- Loading ---

absl::Status Persistence::Load(absl::FunctionRef<void()> meanwhile) {
  RemoveAbandonedRdbFiles(path());
  const int64_t began_ms = NowMs();
  int64_t told_ms = began_ms;
  absl::StatusOr<RdbContents> contents =
      LoadRdbFile(path(), server_.keyspace(), [&](size_t read, size_t all) {
        meanwhile();
        if (NowMs() - told_ms < kReportIntervalMs) return;
        told_ms = NowMs();
        Log(LogLevel::kNotice, absl::StrCat("Loading ", path(), ": ", read / (all / 100 + 1),
                                            " %, ", server_.keyspace().size(), " keys"));
      });
  if (absl::IsNotFound(contents.status())) return absl::OkStatus();
  if (!contents.ok()) {
    return absl::Status(contents.status().code(),
                        absl::StrCat("Fatal error loading the DB, check server logs. Exiting: ",
                                     path(), " ", contents.status().message()));
  }
  keys_loaded_ = contents->keys;
  loaded_ = std::move(contents->head);
  changes_at_save_ = server_.keyspace().changes();
  Log(LogLevel::kNotice, absl::StrCat("DB loaded from disk: ", keys_loaded_, " keys in ",
                                      static_cast<double>(NowMs() - began_ms) / 1000, " seconds"));
  return absl::OkStatus();
}

// --- Saving ---

absl::StatusOr<RdbHead> Persistence::Head() const {
  RdbHead head;
  if (source_) {
    std::optional<RdbHead> known = source_();
    if (!known.has_value()) {
      return absl::FailedPreconditionError("LOADING Redis is loading the dataset in memory");
    }
    head = *std::move(known);
  }
  head.created_s = UnixSeconds();
  return head;
}

absl::Status Persistence::Save() {
  if (in_progress())
    return absl::FailedPreconditionError("ERR Background save already in progress");
  absl::StatusOr<RdbHead> head = Head();
  if (!head.ok()) return head.status();
  Keyspace& keyspace = server_.keyspace();
  RdbFile file(path());
  std::string bytes;
  RdbEncoder encoder(&bytes, *head, keyspace.size(), keyspace.expiring_size());
  absl::Status status;
  keyspace.ForEachStored([&](const Entry& entry) {
    encoder.Add(entry, /*whole=*/true);
    if (bytes.size() < kChunk) return;
    status.Update(file.Append(bytes));
    bytes.clear();
  });
  encoder.Finish();
  status.Update(file.Append(bytes));
  status.Update(file.Commit());
  last_ok_ = status.ok();
  if (!status.ok()) {
    Log(LogLevel::kWarning, absl::StrCat("Error saving the DB: ", status.message()));
    return absl::UnavailableError("ERR");
  }
  NoteSaved(keyspace.changes());
  Log(LogLevel::kNotice, "DB saved on disk");
  return absl::OkStatus();
}

void Persistence::NoteSaved(uint64_t changes) {
  changes_at_save_ = changes;
  last_save_s_ = UnixSeconds();
  ++saves_;
}

absl::Status Persistence::StartInBackground(bool* scheduled) {
  if (in_progress())
    return absl::FailedPreconditionError("ERR Background save already in progress");
  absl::StatusOr<RdbHead> head = Head();
  if (!head.ok()) return head.status();
  // A replica's copy is being taken, or a transaction is in its middle.
  scheduled_ = server_.keyspace().snapshot_active() || server_.executor().in_transaction();
  *scheduled = scheduled_;
  if (!scheduled_) Begin(*head);
  return absl::OkStatus();
}

void Persistence::Begin(const RdbHead& head) {
  Keyspace& keyspace = server_.keyspace();
  Log(LogLevel::kNotice, "Background saving started");
  began_s_ = last_try_s_ = UnixSeconds();
  changes_at_begin_ = keyspace.changes();
  job_ = new Job(path());
  job_->owner = this;
  job_->work.data = job_;
  encoder_.emplace(&chunk_, head, keyspace.size(), keyspace.expiring_size());
  keyspace.StartSnapshot(
      [this](const Entry& entry, bool whole) { return encoder_->Add(entry, whole); });
  timer_.Start(kStepIntervalMs, kStepIntervalMs);
}

void Persistence::Advance() {
  const uint64_t deadline = uv_hrtime() + kStepBudgetNs;
  bool more = encoder_.has_value();
  while (more && chunk_.size() < 2 * kChunk && uv_hrtime() < deadline) {
    more = server_.keyspace().AdvanceSnapshot(kEntriesPerStep);
  }
  if (!more && encoder_.has_value()) {
    encoder_->Finish();
    encoder_.reset();
    timer_.Stop();
  }
  HandToDisk();
}

void Persistence::HandToDisk() {
  if (job_->writing || (encoder_.has_value() && chunk_.size() < kChunk)) return;
  job_->bytes.clear();
  job_->bytes.swap(chunk_);
  job_->last = !encoder_.has_value();
  job_->writing = true;
  uv_queue_work(
      server_.loop(), &job_->work,
      [](uv_work_t* work) {
        Job& job = *static_cast<Job*>(work->data);
        job.status = job.file.Append(job.bytes);
        if (job.last && job.status.ok()) job.status = job.file.Commit();
      },
      [](uv_work_t* work, int) {
        auto* job = static_cast<Job*>(work->data);
        job->writing = false;
        if (job->owner == nullptr) {
          delete job;
        } else {
          job->owner->OnWritten();
        }
      });
}

void Persistence::OnWritten() {
  if (!job_->status.ok() || job_->last) return End(job_->status);
  HandToDisk();
}

void Persistence::End(const absl::Status& status) {
  timer_.Stop();
  if (encoder_.has_value()) server_.keyspace().CancelSnapshot();
  encoder_.reset();
  std::string().swap(chunk_);
  last_ok_ = status.ok();
  last_took_s_ = UnixSeconds() - began_s_;
  if (status.ok()) {
    NoteSaved(changes_at_begin_);
    Log(LogLevel::kNotice, "Background saving terminated with success");
  } else {
    Log(LogLevel::kWarning, absl::StrCat("Background saving error: ", status.message()));
  }
  Abandon();
}

void Persistence::StopBackground() {
  scheduled_ = false;
  if (in_progress()) End(absl::CancelledError("it was stopped"));
}

// --- When to save ---

bool Persistence::wanted_at_exit() const { return !server_.config().save.empty(); }

bool Persistence::refuses_writes() const {
  const Config& config = server_.config();
  return !last_ok_ && config.stop_writes_on_bgsave_error && !config.save.empty();
}

uint64_t Persistence::changes_since_save() const {
  return server_.keyspace().changes() - changes_at_save_;
}

int64_t Persistence::current_took_s() const {
  return in_progress() ? UnixSeconds() - began_s_ : -1;
}

bool Persistence::Due() const {
  const int64_t now_s = UnixSeconds();
  if (!last_ok_ && now_s - last_try_s_ <= kRetryAfterFailureS) return false;
  const auto words = SplitWords(server_.config().save);
  for (size_t i = 0; words.has_value() && i + 1 < words->size(); i += 2) {
    int64_t seconds = 0;
    int64_t changes = 0;
    if (!ParseInt((*words)[i], &seconds) || !ParseInt((*words)[i + 1], &changes)) continue;
    if (changes_since_save() < static_cast<uint64_t>(changes)) continue;
    if (now_s - last_save_s_ <= seconds) continue;
    Log(LogLevel::kNotice, absl::StrCat(changes, " changes in ", seconds, " seconds. Saving..."));
    return true;
  }
  return false;
}

void Persistence::Cron() {
  if (in_progress() || server_.keyspace().snapshot_active() || server_.executor().exclusive()) {
    return;
  }
  const absl::StatusOr<RdbHead> head = Head();
  if (head.ok() && (scheduled_ || Due())) {
    scheduled_ = false;
    Begin(*head);
  }
}

}  // namespace kv
