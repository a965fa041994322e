// The state stores of this repository against the contract of all.

#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>

#include "clusterkit/file/file_state_store.h"
#include "clusterkit/file/memory_state_store.h"
#include "clusterkit/uv/uv.h"
#include "contract/state_store_contract.h"
#include "contract/temp_dir.h"
#include "contract/uv_runner.h"
#include "support/catch.h"

namespace clusterkit {
namespace {

class MemoryUnderTest : public StoreUnderTest {
 public:
  StateStore& store() override { return store_; }
  void Restart() override {}
  bool RunUntil(const std::function<bool()>& done) override { return done(); }

 private:
  MemoryStateStore store_;
};

class FileUnderTest : public StoreUnderTest {
 public:
  FileUnderTest() { Restart(); }
  StateStore& store() override { return *store_; }
  void Restart() override {
    store_.reset();
    store_ = FileStateStore::Open(dir_.File("nodes.conf")).value();
  }
  bool RunUntil(const std::function<bool()>& done) override { return done(); }

 private:
  TempDir dir_;
  std::unique_ptr<FileStateStore> store_;
};

class FileOnLoopUnderTest : public StoreUnderTest {
 public:
  FileOnLoopUnderTest() { Restart(); }
  StateStore& store() override { return *store_; }
  void Restart() override {
    store_.reset();
    store_ = FileStateStore::Open(dir_.File("nodes.conf"), [this](absl::AnyInvocable<void()> work,
                                                                  absl::AnyInvocable<void()> then) {
               loop_.RunBlocking(std::move(work), std::move(then));
             }).value();
  }
  bool RunUntil(const std::function<bool()>& done) override { return runner_.RunUntil(done); }

 private:
  TempDir dir_;
  UvRunner runner_;
  uv::Loop loop_{runner_.loop()};
  std::unique_ptr<FileStateStore> store_;
};

TEST_CASE("MemoryStateStore is a state store") {
  TestStateStore([] { return std::make_unique<MemoryUnderTest>(); });
}

TEST_CASE("FileStateStore is a state store") {
  TestStateStore([] { return std::make_unique<FileUnderTest>(); });
}

TEST_CASE("FileStateStore is a state store when it writes on libuv's thread pool") {
  TestStateStore([] { return std::make_unique<FileOnLoopUnderTest>(); });
}

}  // namespace
}  // namespace clusterkit
