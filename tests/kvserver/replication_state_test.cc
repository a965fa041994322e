#include "kvserver/replication_state.h"

#include <string>

#include "catch2/catch.hpp"

namespace kv {
namespace {

using clusterkit::Epoch;

constexpr size_t kLarge = 1 << 20;

std::string Behind(const ReplicationBacklog& backlog, uint64_t offset) {
  std::string bytes = "-";
  backlog.CopyFrom(offset, 1'000'000, bytes);
  return bytes.substr(1);
}

// A primary with `size` bytes of stream.
DataState PrimaryAt(size_t size) {
  DataState data;
  data.progress.synced = true;
  data.backlog.Start(0);
  data.Advance(std::string(size, 'a'), kLarge);
  return data;
}

DataState CopyOf(const DataState& primary) {
  DataState data;
  data.Replace(primary.stream_id, primary.progress.offset);
  data.progress.history = primary.progress.history;
  return data;
}

TEST_CASE("a backlog holds the end of the stream") {
  ReplicationBacklog backlog;
  CHECK_FALSE(backlog.Holds(0));
  backlog.Append("lost", 10);
  backlog.Start(100);
  CHECK(backlog.Holds(100));
  CHECK_FALSE(backlog.Holds(99));
  CHECK_FALSE(backlog.Holds(101));
  backlog.Append("hello", 10);
  backlog.Append("world", 10);
  CHECK(Behind(backlog, 100) == "helloworld");
  CHECK(Behind(backlog, 104) == "oworld");
  CHECK(Behind(backlog, 110).empty());
  backlog.Append("!!", 10);
  CHECK_FALSE(backlog.Holds(101));
  CHECK(Behind(backlog, 102) == "lloworld!!");
  CHECK(backlog.size() == 10);
  backlog.Append("more than there is room for", 10);
  CHECK(backlog.end() == 112 + 27);
  CHECK(Behind(backlog, backlog.first()) == "s room for");
  backlog.Append("", 4);
  CHECK(Behind(backlog, backlog.first()) == " for");
  backlog.Stop();
  CHECK_FALSE(backlog.Holds(139));
}

TEST_CASE("a backlog is read in pieces of any size") {
  ReplicationBacklog backlog;
  backlog.Start(7);
  std::string stream;
  for (int i = 0; stream.size() < 200'000; ++i) stream += std::to_string(i);
  backlog.Append(stream, 150'000);
  const std::string held = stream.substr(stream.size() - 150'000);
  for (const size_t piece : {size_t{999}, size_t{16'384}, size_t{100'000}, size_t{1'000'000}}) {
    std::string read;
    while (backlog.first() + read.size() < backlog.end()) {
      backlog.CopyFrom(backlog.first() + read.size(), piece, read);
    }
    CHECK(read == held);
  }
}

TEST_CASE("a backlog of many blocks is cut at any byte") {
  ReplicationBacklog backlog;
  backlog.Start(7);
  std::string all;
  for (int i = 0; i < 20000; ++i) {
    const std::string piece = std::to_string(i) + std::string(static_cast<size_t>(i % 50), 'x');
    all += piece;
    backlog.Append(piece, 100'000);
  }
  REQUIRE(backlog.size() == 100'000);
  REQUIRE(backlog.end() == 7 + all.size());
  for (const size_t back : {size_t{0}, size_t{1}, size_t{16384}, size_t{65537}, size_t{100'000}}) {
    CHECK(Behind(backlog, backlog.end() - back) == all.substr(all.size() - back));
  }
}

TEST_CASE("who has the stream up to a point goes on from there") {
  const DataState primary = PrimaryAt(1000);
  CHECK(primary.CanContinue(primary.stream_id, 1000));
  CHECK(primary.CanContinue(primary.stream_id, 1));
  CHECK_FALSE(primary.CanContinue(primary.stream_id, 1001));
  CHECK_FALSE(primary.CanContinue(RandomReplicationId(), 1000));
  CHECK_FALSE(primary.CanContinue(primary.second_id, 0));
}

TEST_CASE("nobody goes on from data that are incomplete") {
  DataState primary = PrimaryAt(1000);
  primary.progress.synced = false;
  CHECK_FALSE(primary.CanContinue(primary.stream_id, 1000));
}

TEST_CASE("what came before the backlog must be copied") {
  DataState primary = PrimaryAt(1000);
  primary.Advance(std::string(500, 'b'), 600);
  CHECK(primary.CanContinue(primary.stream_id, 900));
  CHECK_FALSE(primary.CanContinue(primary.stream_id, 899));
}

TEST_CASE("after a promotion those go on who had no more than the successor") {
  const DataState old_primary = PrimaryAt(1000);
  DataState heir = CopyOf(old_primary);
  heir.Advance(std::string(50, 'b'), kLarge);
  heir.BeginHistory(Epoch{7});
  heir.Advance(std::string(50, 'c'), kLarge);
  CHECK(heir.progress.offset == 1100);
  CHECK(heir.second_offset == 1051);
  CHECK(heir.CanContinue(old_primary.stream_id, 1000));
  CHECK(heir.CanContinue(old_primary.stream_id, 1050));
  CHECK_FALSE(heir.CanContinue(old_primary.stream_id, 1051));
  CHECK_FALSE(heir.CanContinue(old_primary.stream_id, 1100));
  CHECK(heir.CanContinue(heir.stream_id, 1100));
  // Two promotions later nobody knows any more.
  heir.BeginHistory(Epoch{9});
  CHECK_FALSE(heir.CanContinue(old_primary.stream_id, 1000));
}

TEST_CASE("a replica enters the new history only where that begins") {
  const DataState old_primary = PrimaryAt(1000);
  DataState heir = CopyOf(old_primary);
  heir.Advance(std::string(100, 'b'), kLarge);
  heir.BeginHistory(Epoch{7});

  DataState sibling = CopyOf(old_primary);
  sibling.Continue(heir.stream_id, Epoch{7}, heir.history_start());
  CHECK(sibling.stream_id == heir.stream_id);
  CHECK(sibling.second_id == old_primary.stream_id);
  CHECK(sibling.progress.history == Epoch{0});
  sibling.Advance(std::string(99, 'b'), kLarge);
  CHECK(sibling.progress.history == Epoch{0});
  sibling.Advance("b", kLarge);
  CHECK(sibling.progress.history == Epoch{7});
  CHECK(heir.CanContinue(sibling.stream_id, sibling.progress.offset));

  DataState even = CopyOf(old_primary);
  even.Advance(std::string(100, 'b'), kLarge);
  even.Continue(heir.stream_id, Epoch{7}, heir.history_start());
  CHECK(even.progress.history == Epoch{7});
}

TEST_CASE("a promotion before the new history was reached begins yet another") {
  const DataState old_primary = PrimaryAt(1000);
  DataState sibling = CopyOf(old_primary);
  sibling.Continue(RandomReplicationId(), Epoch{7}, 5000);
  sibling.BeginHistory(Epoch{8});
  sibling.Advance(std::string(6000, 'x'), kLarge);
  CHECK(sibling.progress.history == Epoch{8});
}

TEST_CASE("data that are not those of the stream are continued by nobody") {
  const DataState old_primary = PrimaryAt(1000);
  DataState data = CopyOf(old_primary);
  CHECK(data.in_stream());
  data.ForgetStream();
  CHECK_FALSE(data.in_stream());
  CHECK_FALSE(old_primary.CanContinue(data.stream_id, data.progress.offset));
  data.BeginHistory(Epoch{7});
  CHECK(data.in_stream());
  CHECK_FALSE(data.CanContinue(old_primary.stream_id, 1000));
  data.Replace(old_primary.stream_id, 2000);
  CHECK(data.in_stream());
  CHECK(data.second_offset == -1);
}

}  // namespace
}  // namespace kv
