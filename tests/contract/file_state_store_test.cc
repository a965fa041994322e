// Locks, crashes and errors of the state file.

#include "clusterkit/file/file_state_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "clusterkit/file/nodes_conf.h"
#include "contract/state_store_contract.h"
#include "contract/temp_dir.h"
#include "support/catch.h"

namespace clusterkit {
namespace {

PersistentState StateAt(uint64_t epoch) {
  Rng rng(epoch);
  PersistentState state = RandomState(rng, 5);
  state.current_epoch = {state.current_epoch.value + epoch};
  return state;
}

absl::Status SaveNow(StateStore& store, const PersistentState& state) {
  std::optional<absl::Status> result;
  store.Save(state, /*sync=*/true, [&](absl::Status status) { result = std::move(status); });
  REQUIRE(result.has_value());
  return *result;
}

// Work that waits until the test runs it.
struct ManualRunner {
  BlockingRunner Runner() {
    return [this](absl::AnyInvocable<void()> work, absl::AnyInvocable<void()> then) {
      jobs.emplace_back(std::move(work), std::move(then));
    };
  }
  void RunWork() { jobs.front().first(); }
  void RunThen() {
    auto then = std::move(jobs.front().second);
    jobs.pop_front();
    then();
  }
  std::deque<std::pair<absl::AnyInvocable<void()>, absl::AnyInvocable<void()>>> jobs;
};

TEST_CASE("a second store on the same path is refused while the first lives") {
  TempDir dir;
  const std::string path = dir.File("nodes.conf");
  auto first = FileStateStore::Open(path);
  REQUIRE(first.ok());
  const absl::Status refused = FileStateStore::Open(path).status();
  CHECK(refused == absl::FailedPreconditionError(path + ".lock is held by another process"));
  // Replacing the file does not void the lock.
  REQUIRE(SaveNow(**first, StateAt(1)).ok());
  CHECK(FileStateStore::Open(path).status() == refused);
  first->reset();
  CHECK(FileStateStore::Open(path).ok());
}

TEST_CASE("another process is refused, and a process that dies frees the lock") {
  TempDir dir;
  const std::string path = dir.File("nodes.conf");
  int ready[2], leave[2];
  REQUIRE(pipe(ready) == 0);
  REQUIRE(pipe(leave) == 0);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const auto store = FileStateStore::Open(path);
    const char answer = store.ok() ? 'y' : 'n';
    char ignored;
    const bool told = write(ready[1], &answer, 1) == 1 && read(leave[0], &ignored, 1) >= 0;
    _exit(told ? 0 : 1);  // As a crash: nothing is destroyed.
  }
  char answer = 0;
  REQUIRE(read(ready[0], &answer, 1) == 1);
  CHECK(answer == 'y');
  CHECK(FileStateStore::Open(path).status().code() == absl::StatusCode::kFailedPrecondition);
  REQUIRE(write(leave[1], "x", 1) == 1);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(FileStateStore::Open(path).ok());
  for (const int fd : {ready[0], ready[1], leave[0], leave[1]}) close(fd);
}

TEST_CASE("an empty file is a first start, as it is for Redis") {
  TempDir dir;
  WriteTextFile(dir.File("nodes.conf"), "");
  const auto store = FileStateStore::Open(dir.File("nodes.conf"));
  REQUIRE(store.ok());
  CHECK((*store)->Load().status().code() == absl::StatusCode::kNotFound);
}

TEST_CASE("what a crash left of an unfinished save is ignored, and overwritten by the next") {
  TempDir dir;
  const std::string path = dir.File("nodes.conf");
  const PersistentState state = StateAt(1), next = StateAt(2);
  WriteTextFile(path, FormatNodesConf(state));
  WriteTextFile(path + ".tmp", FormatNodesConf(next).substr(0, 50));

  auto store = FileStateStore::Open(path);
  REQUIRE(store.ok());
  const auto loaded = (*store)->Load();
  REQUIRE(loaded.ok());
  CHECK((*loaded == state));

  REQUIRE(SaveNow(**store, next).ok());
  CHECK(dir.Names() == std::set<std::string>{"nodes.conf", "nodes.conf.lock"});
  CHECK(ReadTextFile(path) == FormatNodesConf(next));
}

TEST_CASE("a save replaces the file as a whole: who has the old one open still reads it") {
  TempDir dir;
  const std::string path = dir.File("nodes.conf");
  auto store = FileStateStore::Open(path);
  REQUIRE(store.ok());
  REQUIRE(SaveNow(**store, StateAt(1)).ok());
  std::ifstream old(path, std::ios::binary);
  REQUIRE(SaveNow(**store, StateAt(2)).ok());
  std::ostringstream text;
  text << old.rdbuf();
  CHECK(text.str() == FormatNodesConf(StateAt(1)));
  CHECK(ReadTextFile(path) == FormatNodesConf(StateAt(2)));
}

TEST_CASE("a damaged file is refused with path, line and reason, and never overwritten") {
  TempDir dir;
  const std::string path = dir.File("nodes.conf");
  const std::string damaged = FormatNodesConf(StateAt(1)) + "x\n";
  WriteTextFile(path, damaged);
  auto store = FileStateStore::Open(path);
  REQUIRE(store.ok());

  const absl::Status load = (*store)->Load().status();
  CHECK(load.code() == absl::StatusCode::kDataLoss);
  CHECK(std::string(load.message()).starts_with(path + ": nodes.conf line "));

  const absl::Status save = SaveNow(**store, StateAt(2));
  CHECK(save.code() == absl::StatusCode::kFailedPrecondition);
  CHECK(std::string(save.message()) ==
        "not overwriting a damaged file: " + std::string(load.message()));
  CHECK(ReadTextFile(path) == damaged);
}

TEST_CASE("a directory that cannot be used is an error with path and cause") {
  TempDir dir;
  const std::string path = dir.File("missing/nodes.conf");
  CHECK(FileStateStore::Open(path).status() ==
        absl::NotFoundError("open " + path + ".lock: no such file or directory"));
  WriteTextFile(dir.File("plain"), "");
  CHECK(FileStateStore::Open(dir.File("plain/nodes.conf")).status() ==
        absl::UnavailableError("open " + dir.File("plain/nodes.conf") + ".lock: not a directory"));
}

TEST_CASE("a file that cannot be read is neither a first start nor damaged") {
  TempDir dir;
  const std::string path = dir.File("nodes.conf");
  REQUIRE(mkdir(path.c_str(), 0755) == 0);
  auto store = FileStateStore::Open(path);
  REQUIRE(store.ok());
  CHECK((*store)->Load().status() == absl::UnavailableError("read " + path + ": is a directory"));
}

TEST_CASE("a save that fails tells why, leaves the old state and no temporary file") {
  TempDir dir;
  const std::string path = dir.File("nodes.conf");
  auto store = FileStateStore::Open(path);
  REQUIRE(store.ok());
  REQUIRE(SaveNow(**store, StateAt(1)).ok());
  REQUIRE(mkdir((path + ".tmp").c_str(), 0755) == 0);
  CHECK(SaveNow(**store, StateAt(2)) ==
        absl::UnavailableError("open " + path + ".tmp: is a directory"));
  CHECK(ReadTextFile(path) == FormatNodesConf(StateAt(1)));

  REQUIRE(rmdir((path + ".tmp").c_str()) == 0);
  REQUIRE(unlink(path.c_str()) == 0);
  REQUIRE(mkdir(path.c_str(), 0755) == 0);
  CHECK(SaveNow(**store, StateAt(2)) ==
        absl::UnavailableError("rename " + path + ": is a directory"));
  CHECK(dir.Names() == std::set<std::string>{"nodes.conf", "nodes.conf.lock"});
}

TEST_CASE("the state is written as it was when Save was called, and done comes after the write") {
  TempDir dir;
  const std::string path = dir.File("nodes.conf");
  ManualRunner runner;
  auto store = FileStateStore::Open(path, runner.Runner());
  REQUIRE(store.ok());
  PersistentState state = StateAt(1);
  int done = 0;
  (*store)->Save(state, true, [&](absl::Status status) {
    CHECK(status.ok());
    ++done;
  });
  state = StateAt(2);
  CHECK(dir.Names().count("nodes.conf") == 0);
  runner.RunWork();
  CHECK(ReadTextFile(path) == FormatNodesConf(StateAt(1)));
  CHECK(done == 0);
  runner.RunThen();
  CHECK(done == 1);
}

TEST_CASE("a second save while one is under way is refused") {
  TempDir dir;
  ManualRunner runner;
  auto store = FileStateStore::Open(dir.File("nodes.conf"), runner.Runner());
  REQUIRE(store.ok());
  (*store)->Save(StateAt(1), true, [](absl::Status) {});
  CHECK(SaveNow(**store, StateAt(2)).code() == absl::StatusCode::kFailedPrecondition);
  CHECK(runner.jobs.size() == 1);
}

TEST_CASE("a store destroyed during a save lets it end, tells nobody, and keeps the lock so long") {
  TempDir dir;
  const std::string path = dir.File("nodes.conf");
  ManualRunner runner;
  auto store = FileStateStore::Open(path, runner.Runner());
  REQUIRE(store.ok());
  bool told = false;
  (*store)->Save(StateAt(1), true, [&](absl::Status) { told = true; });
  store->reset();
  CHECK(FileStateStore::Open(path).status().code() == absl::StatusCode::kFailedPrecondition);
  runner.RunWork();
  runner.RunThen();
  CHECK_FALSE(told);
  CHECK(ReadTextFile(path) == FormatNodesConf(StateAt(1)));
  CHECK(FileStateStore::Open(path).ok());
}

TEST_CASE("a path without a directory is in the current one") {
  TempDir dir;
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(dir.path());
  auto store = FileStateStore::Open("nodes.conf");
  REQUIRE(store.ok());
  const absl::Status saved = SaveNow(**store, StateAt(1));
  std::filesystem::current_path(before);
  CHECK(saved == absl::OkStatus());
  CHECK(ReadTextFile(dir.File("nodes.conf")) == FormatNodesConf(StateAt(1)));
}

}  // namespace
}  // namespace clusterkit
