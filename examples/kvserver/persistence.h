#ifndef KVSERVER_PERSISTENCE_H_
#define KVSERVER_PERSISTENCE_H_

#include <uv.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kvserver/loop_handles.h"
#include "kvserver/rdb_encoder.h"

namespace kv {

class Server;

// Snapshots of the data set on disk: loaded at start, saved on request and as `save` says.
//
// In the background a snapshot is taken in steps while requests go on, as for a replica, and
// written by a thread of libuv's pool. Memory beyond the data: what the disk has not taken yet,
// and old versions of keys that change meanwhile. Data thread only.
class Persistence {
 public:
  explicit Persistence(Server& server);
  ~Persistence();

  // Tells what the data are, for the head of the file; nothing if they are incomplete, and so not
  // worth a file. Without it: just data.
  using Source = std::function<std::optional<RdbHead>()>;
  void set_source(Source source) { source_ = std::move(source); }

  // Before data are served. No file is no error; any other error leaves the data useless. Calls
  // `meanwhile` now and then.
  absl::Status Load(absl::FunctionRef<void()> meanwhile);
  // The head of the file that was loaded.
  const std::optional<RdbHead>& loaded() const { return loaded_; }

  // Errors are those that the commands answer. Save returns when the file is on disk.
  absl::Status Save();
  // Now, or as soon as possible: `*scheduled`.
  absl::Status StartInBackground(bool* scheduled);
  // What is being saved in the background is not to be saved.
  void StopBackground();
  // About ten times a second.
  void Cron();
  // Whether the configuration asks for a snapshot at the end of the process.
  bool wanted_at_exit() const;
  // Snapshots are wanted, and the last one failed.
  bool refuses_writes() const;

  // --- For INFO and LASTSAVE -----------------------------------------------------------------
  bool in_progress() const { return job_ != nullptr; }
  uint64_t changes_since_save() const;
  int64_t last_save_s() const { return last_save_s_; }  // unix time
  bool last_ok() const { return last_ok_; }
  int64_t last_took_s() const { return last_took_s_; }  // -1: none yet
  int64_t current_took_s() const;                       // -1: none
  uint64_t saves() const { return saves_; }
  uint64_t keys_loaded() const { return keys_loaded_; }

 private:
  struct Job;  // A file that is being written; outlives this while the pool is at work on it.

  std::string path() const;
  absl::StatusOr<RdbHead> Head() const;
  void Begin(const RdbHead& head);
  void Advance();
  void HandToDisk();
  void OnWritten();
  void End(const absl::Status& status);
  void Abandon();
  void NoteSaved(uint64_t changes);
  bool Due() const;

  Server& server_;
  Source source_;
  std::optional<RdbHead> loaded_;
  uint64_t keys_loaded_ = 0;

  Job* job_ = nullptr;
  std::optional<RdbEncoder> encoder_;  // while there is more to encode
  std::string chunk_;                  // encoded, not given to the disk yet
  bool scheduled_ = false;
  LoopTimer timer_;

  uint64_t changes_at_save_ = 0;
  uint64_t changes_at_begin_ = 0;
  int64_t last_save_s_ = 0;
  int64_t last_try_s_ = 0;
  int64_t last_took_s_ = -1;
  int64_t began_s_ = 0;
  uint64_t saves_ = 0;
  bool last_ok_ = true;
};

}  // namespace kv

#endif  // KVSERVER_PERSISTENCE_H_
