// An arbitrary stream of a client in arbitrary pieces: the requests do not depend on the pieces,
// the limits hold, and nothing is read that was not received.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "kvserver/resp_parser.h"

namespace {

using kv::RequestParser;
using Request = std::vector<std::string>;

struct Outcome {
  std::vector<Request> requests;
  std::optional<std::string> error;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

// Small, so that short inputs reach them.
RequestParser::Limits LimitsFor(uint8_t choice) {
  RequestParser::Limits limits;
  limits.max_args = 4 + (choice & 15);
  limits.max_bulk_bytes = (choice & 16) != 0 ? 20000 : 40;
  limits.max_line_bytes = (choice & 32) != 0 ? 100 : 20;
  limits.authenticated = (choice & 64) == 0;
  return limits;
}

// Gives the parser what is pending, each time in a block of its own that ends where the bytes end.
class Feeder {
 public:
  explicit Feeder(const RequestParser::Limits& limits) : limits_(limits) {}

  void Append(std::string_view bytes) { pending_ += bytes; }

  void Drain(Outcome& outcome) {
    while (!outcome.error) {
      const size_t size = pending_.size();
      auto block = std::make_unique_for_overwrite<char[]>(size);
      std::copy(pending_.begin(), pending_.end(), block.get());
      const auto result = parser_.Next({block.get(), size}, limits_);
      block_ = std::move(block);
      CLUSTERKIT_CHECK(size >= wanted_ || result != RequestParser::Result::kRequest);
      switch (result) {
        case RequestParser::Result::kError:
          CLUSTERKIT_CHECK(!parser_.error().empty());
          outcome.error = parser_.error();
          return;
        case RequestParser::Result::kNeedMore:
          CheckAppetite();
          return;
        case RequestParser::Result::kRequest:
          CheckRequest();
          outcome.requests.emplace_back(parser_.args().begin(), parser_.args().end());
          pending_.erase(0, parser_.consumed());
          wanted_ = 0;
      }
    }
  }

 private:
  // What is not parsed yet is one line or one bulk at most, and so is what the parser asks for.
  void CheckAppetite() {
    const size_t size = pending_.size();
    CLUSTERKIT_CHECK(parser_.consumed() <= size);
    const size_t line = limits_.max_line_bytes + 2;
    const size_t bulk = static_cast<size_t>(limits_.max_bulk_bytes) + 2;
    CLUSTERKIT_CHECK(size - parser_.consumed() <= std::max(line, bulk));
    wanted_ = parser_.bytes_wanted();
    CLUSTERKIT_CHECK(wanted_ > size && wanted_ <= size + bulk);
  }

  void CheckRequest() {
    const auto args = parser_.args();
    CLUSTERKIT_CHECK(parser_.consumed() > 0 && parser_.consumed() <= pending_.size());
    if (pending_[0] != '*') {
      CLUSTERKIT_CHECK(parser_.consumed() <= limits_.max_line_bytes + 1);
      return;
    }
    CLUSTERKIT_CHECK(static_cast<int64_t>(args.size()) <= limits_.max_args);
    CLUSTERKIT_CHECK(limits_.authenticated || args.size() <= 10);
    for (const std::string_view arg : args) {
      CLUSTERKIT_CHECK(static_cast<int64_t>(arg.size()) <= limits_.max_bulk_bytes);
      CLUSTERKIT_CHECK(limits_.authenticated || arg.size() <= 16384);
    }
  }

  const RequestParser::Limits limits_;
  RequestParser parser_;
  std::string pending_;
  std::unique_ptr<char[]> block_;  // args() point into it.
  size_t wanted_ = 0;
};

std::string AsArray(const Request& request) {
  std::string bytes = "*" + std::to_string(request.size()) + "\r\n";
  for (const std::string& arg : request) {
    bytes += "$" + std::to_string(arg.size()) + "\r\n" + arg + "\r\n";
  }
  return bytes;
}

}  // namespace

// The first byte chooses the limits, the next ones are the sizes of the pieces, used in turn; the
// rest is the stream.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kPieces = 4;
  if (size < 1 + kPieces) return 0;
  const RequestParser::Limits limits = LimitsFor(data[0]);
  const std::string_view stream(reinterpret_cast<const char*>(data) + 1 + kPieces,
                                size - 1 - kPieces);

  Outcome whole;
  Feeder at_once(limits);
  at_once.Append(stream);
  at_once.Drain(whole);

  Outcome pieces;
  Feeder in_pieces(limits);
  size_t piece = 0;
  for (size_t at = 0; at < stream.size() && !pieces.error;) {
    const size_t taken = std::max<size_t>(1, data[1 + piece++ % kPieces] & 63);
    in_pieces.Append(stream.substr(at, taken));
    in_pieces.Drain(pieces);
    at += taken;
  }
  CLUSTERKIT_CHECK(pieces == whole);

  // What was read, written again as arrays, reads the same.
  std::string written;
  for (const Request& request : whole.requests) written += AsArray(request);
  Outcome again;
  Feeder rewritten{RequestParser::Limits()};
  rewritten.Append(written);
  rewritten.Drain(again);
  CLUSTERKIT_CHECK(again.requests == whole.requests && !again.error);
  return 0;
}
