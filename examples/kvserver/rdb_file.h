#ifndef KVSERVER_RDB_FILE_H_
#define KVSERVER_RDB_FILE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace kv {

// A snapshot file that is being written: under another name until it is complete and on disk, so
// that under its own there is always a complete one. One thread at a time.
class RdbFile {
 public:
  explicit RdbFile(std::string path);
  // Removes what was not committed.
  ~RdbFile();
  RdbFile(const RdbFile&) = delete;
  RdbFile& operator=(const RdbFile&) = delete;

  // After an error the others do nothing but return it.
  absl::Status Append(std::string_view bytes);
  // Adds the checksum and takes the place of the file before.
  absl::Status Commit();

 private:
  absl::Status Fault(std::string_view what);
  absl::Status Write(std::string_view bytes);
  absl::Status SyncDirectory();

  const std::string path_;
  const std::string temporary_;
  int fd_ = -1;
  uint64_t checksum_ = 0;
  size_t unsynced_ = 0;
  absl::Status status_;
};

// Removes what processes that were killed in the middle of writing that file left behind.
void RemoveAbandonedRdbFiles(const std::string& path);

}  // namespace kv

#endif  // KVSERVER_RDB_FILE_H_
