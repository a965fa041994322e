#ifndef KVSERVER_DAEMON_H_
#define KVSERVER_DAEMON_H_

#include <string>

#include "kvserver/config.h"

namespace kv {

// Goes on in a child that is detached from the terminal; the parent exits. Before any thread.
void Daemonize();

// Raises the limit of open files so that maxclients fit, or lowers maxclients, with a log line.
void AdjustOpenFileLimit(Config& config);

// Writes the process id to a file, and removes it again. An empty path: does nothing.
class PidFile {
 public:
  explicit PidFile(std::string path);
  ~PidFile();
  PidFile(const PidFile&) = delete;
  PidFile& operator=(const PidFile&) = delete;

 private:
  std::string path_;
};

}  // namespace kv

#endif  // KVSERVER_DAEMON_H_
