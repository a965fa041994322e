#include "sharded_counter/data_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"

namespace sharded_counter {
namespace {

[[noreturn]] void GiveUp(const std::string& path) {
  std::perror(path.c_str());
  std::abort();
}

void Sync(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 || fsync(fd) != 0) GiveUp(path);
  close(fd);
}

}  // namespace

absl::StatusOr<Data> LoadData(const std::string& path) {
  if (!std::filesystem::exists(path)) return Data();
  std::ifstream file(path);
  std::string line;
  // Without its end it was not written to the end.
  if (!std::getline(file, line) || file.eof()) {
    return absl::DataLossError(path + ": is not complete");
  }
  absl::StatusOr<Data> data = ParseData(line);
  if (!data.ok()) return absl::DataLossError(absl::StrCat(path, ": ", data.status().message()));
  return data;
}

void SaveData(const std::string& path, const Data& data) {
  const std::string written = path + ".new";
  {
    std::ofstream file(written, std::ios::trunc);
    file << Format(data) << "\n";
    if (!file.flush().good()) GiveUp(written);
  }
  Sync(written);
  if (std::rename(written.c_str(), path.c_str()) != 0) GiveUp(path);
  Sync(std::filesystem::absolute(path).parent_path().string());
}

}  // namespace sharded_counter
