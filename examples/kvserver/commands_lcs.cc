// LCS: the longest common subsequence of two strings.

#include <algorithm>
#include <string>
#include <vector>

#include "kvserver/command_util.h"
#include "kvserver/text.h"

namespace kv {
namespace {

struct LcsOptions {
  bool length = false;
  bool indexes = false;
  bool with_match_length = false;
  int64_t min_match_length = 0;
};

bool ParseLcsOptions(CommandContext& context, LcsOptions* options) {
  const Args args = context.args;
  for (size_t i = 3; i < args.size(); ++i) {
    if (EqualsIgnoreCase(args[i], "LEN")) {
      options->length = true;
    } else if (EqualsIgnoreCase(args[i], "IDX")) {
      options->indexes = true;
    } else if (EqualsIgnoreCase(args[i], "WITHMATCHLEN")) {
      options->with_match_length = true;
    } else if (EqualsIgnoreCase(args[i], "MINMATCHLEN") && i + 1 < args.size()) {
      if (!IntegerArg(context, args[++i], &options->min_match_length)) return false;
    } else {
      ReplySyntaxError(context);
      return false;
    }
  }
  if (!options->length || !options->indexes) return true;
  context.reply.Error("ERR If you want both the length and indexes, please just use IDX.");
  return false;
}

// For all beginnings of two strings, how long their longest common subsequence is.
class LcsTable {
 public:
  static size_t BytesFor(std::string_view a, std::string_view b) {
    return (a.size() + 1) * (b.size() + 1) * sizeof(uint32_t);
  }

  LcsTable(std::string_view a, std::string_view b)
      : width_(b.size() + 1), lengths_((a.size() + 1) * width_) {
    for (size_t i = 1; i <= a.size(); ++i) {
      for (size_t j = 1; j <= b.size(); ++j) {
        lengths_[i * width_ + j] =
            a[i - 1] == b[j - 1] ? At(i - 1, j - 1) + 1 : std::max(At(i - 1, j), At(i, j - 1));
      }
    }
  }
  uint32_t At(size_t i, size_t j) const { return lengths_[i * width_ + j]; }

 private:
  size_t width_;
  std::vector<uint32_t> lengths_;
};

// Bytes that follow each other in both strings.
struct Match {
  size_t in_a;
  size_t in_b;
  size_t size;
};

// From the end to the beginning.
std::vector<Match> MatchesOf(std::string_view a, std::string_view b, const LcsTable& table) {
  std::vector<Match> matches;
  bool follows = false;
  for (size_t i = a.size(), j = b.size(); i > 0 && j > 0;) {
    if (a[i - 1] == b[j - 1]) {
      --i;
      --j;
      if (!follows) matches.push_back({i, j, 0});
      matches.back() = {i, j, matches.back().size + 1};
      follows = true;
    } else {
      --(table.At(i - 1, j) > table.At(i, j - 1) ? i : j);
      follows = false;
    }
  }
  return matches;
}

void ReplyRange(ReplyWriter& reply, size_t begin, size_t size) {
  reply.Array(2);
  reply.Integer(static_cast<int64_t>(begin));
  reply.Integer(static_cast<int64_t>(begin + size - 1));
}

void ReplyMatches(ReplyWriter& reply, std::vector<Match> matches, const LcsOptions& options) {
  std::erase_if(matches, [&options](const Match& match) {
    return static_cast<int64_t>(match.size) < options.min_match_length;
  });
  reply.Array(matches.size());
  for (const Match& match : matches) {
    reply.Array(options.with_match_length ? 3 : 2);
    ReplyRange(reply, match.in_a, match.size);
    ReplyRange(reply, match.in_b, match.size);
    if (options.with_match_length) reply.Integer(static_cast<int64_t>(match.size));
  }
}

void Lcs(CommandContext& context) {
  std::string_view strings[2];
  for (const size_t i : {0, 1}) {
    const Entry* entry = context.keyspace.Find(context.args[i + 1]);
    if (entry == nullptr) continue;
    if (entry->value.type() != ValueType::kString) {
      return context.reply.Error("ERR The specified keys must contain string values");
    }
    strings[i] = entry->value.string();
  }
  const auto [a, b] = strings;
  LcsOptions options;
  if (!ParseLcsOptions(context, &options)) return;
  if (LcsTable::BytesFor(a, b) > static_cast<size_t>(context.config().proto_max_bulk_len)) {
    return context.reply.Error(
        "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
  }
  const LcsTable table(a, b);
  const int64_t length = table.At(a.size(), b.size());
  if (options.length) return context.reply.Integer(length);
  const std::vector<Match> matches = MatchesOf(a, b, table);
  if (options.indexes) {
    context.reply.Map(2);
    context.reply.Bulk("matches");
    ReplyMatches(context.reply, matches, options);
    context.reply.Bulk("len");
    return context.reply.Integer(length);
  }
  std::string common;
  for (auto match = matches.rbegin(); match != matches.rend(); ++match) {
    common.append(a.substr(match->in_a, match->size));
  }
  context.reply.Bulk(common);
}

}  // namespace

void AddLcsCommand(CommandTable& table) {
  constexpr KeyRange kKeys = {1, 2, 1, "RO access"};
  table.Add({"lcs", -3, kReadonly, kCatString, kKeys, Lcs, "string", "7.0.0",
             "Find longest common substring"});
}

}  // namespace kv
