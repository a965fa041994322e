// SRANDMEMBER, HRANDFIELD and ZRANDMEMBER: elements drawn at random, which stay where they are.

#include <cstdlib>
#include <limits>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "kvserver/command_util.h"
#include "kvserver/text.h"

namespace kv {
namespace {

// What is drawn from: positions, and how to reply the element at one.
struct Population {
  size_t size = 0;
  absl::FunctionRef<void(size_t position)> reply;
};

size_t RandomPosition(CommandContext& context, size_t size) {
  return static_cast<size_t>(context.keyspace.NextRandom() % size);
}

// `count` elements, any of them more than once. A few bytes of request can ask for more than any
// memory holds.
void ReplyRepeated(CommandContext& context, const Population& population, size_t count,
                   size_t replies) {
  constexpr size_t kMaxReplyBytes = size_t{512} << 20;
  std::string& out = context.client.reply;
  const size_t start = out.size();
  context.reply.Array(replies);
  for (size_t i = 0; i < count; ++i) {
    population.reply(RandomPosition(context, population.size));
    if (out.size() - start > kMaxReplyBytes) {
      out.resize(start);
      return context.reply.Error("ERR count is out of range: the reply would be too large");
    }
  }
}

// `count` different elements, fewer than there are, by Floyd's algorithm: each selection is as
// likely as any other.
void ReplyDifferent(CommandContext& context, const Population& population, size_t count) {
  absl::flat_hash_set<size_t> chosen;
  chosen.reserve(count);
  for (size_t last = population.size - count; last < population.size; ++last) {
    size_t position = RandomPosition(context, last + 1);
    if (!chosen.insert(position).second) {
      position = last;
      chosen.insert(position);
    }
    population.reply(position);
  }
}

// `flat`: of each element follow two replies in the array instead of one.
void ReplyRandom(CommandContext& context, const Population& population, int64_t count, bool flat) {
  const size_t each = flat ? 2 : 1;
  if (count < 0) {
    const auto repeated = static_cast<size_t>(-count);
    return ReplyRepeated(context, population, repeated, repeated * each);
  }
  if (static_cast<uint64_t>(count) < population.size) {
    context.reply.Array(static_cast<size_t>(count) * each);
    return ReplyDifferent(context, population, static_cast<size_t>(count));
  }
  context.reply.Array(population.size * each);
  for (size_t position = 0; position < population.size; ++position) population.reply(position);
}

void SRandMember(CommandContext& context) {
  if (context.args.size() > 3) return ReplySyntaxError(context);
  const bool counted = context.args.size() == 3;
  int64_t count = 1;
  const SetValue* set = nullptr;
  if (counted && !SymmetricArg(context, context.args[2], &count)) return;
  if (!FindSet(context, context.args[1], &set)) return;
  if (set == nullptr) return counted ? context.reply.Array(0) : context.reply.Null();
  const auto reply = [&](size_t position) { context.reply.Bulk(set->members()[position].name); };
  if (!counted) return reply(RandomPosition(context, set->size()));
  ReplyRandom(context, {set->size(), reply}, count, /*flat=*/false);
}

// What HRANDFIELD and ZRANDMEMBER have in common: "key [count [WITH...]]".
struct PairRequest {
  bool counted = false;
  int64_t count = 1;
  bool with_values = false;
};

// False: an error was answered.
bool ParsePairRequest(CommandContext& context, std::string_view with, PairRequest* request) {
  const Args args = context.args;
  request->counted = args.size() > 2;
  request->with_values = args.size() > 3;
  if (request->counted && !SymmetricArg(context, args[2], &request->count)) return false;
  if (args.size() > 4 || (request->with_values && !EqualsIgnoreCase(args[3], with))) {
    ReplySyntaxError(context);
    return false;
  }
  // Twice as many replies must be a number too.
  if (request->with_values && std::abs(request->count) > std::numeric_limits<int64_t>::max() / 2) {
    context.reply.Error("ERR value is out of range");
    return false;
  }
  return true;
}

// `name` and `value` reply those of the element at a position.
void ReplyRandomPairs(CommandContext& context, const PairRequest& request, size_t size,
                      absl::FunctionRef<void(size_t)> name, absl::FunctionRef<void(size_t)> value) {
  if (!request.counted) return name(RandomPosition(context, size));
  const bool pairs = request.with_values && context.reply.resp3();
  const auto reply = [&](size_t position) {
    if (pairs) context.reply.Array(2);
    name(position);
    if (request.with_values) value(position);
  };
  ReplyRandom(context, {size, reply}, request.count, request.with_values && !pairs);
}

void HRandField(CommandContext& context) {
  PairRequest request;
  const HashValue* hash = nullptr;
  if (!ParsePairRequest(context, "WITHVALUES", &request)) return;
  if (!FindHash(context, context.args[1], &hash)) return;
  if (hash == nullptr) return request.counted ? context.reply.Array(0) : context.reply.Null();
  ReplyRandomPairs(
      context, request, hash->size(),
      [&](size_t position) { context.reply.Bulk(hash->fields()[position].name); },
      [&](size_t position) { context.reply.Bulk(hash->fields()[position].value); });
}

void ZRandMember(CommandContext& context) {
  PairRequest request;
  const SortedSetValue* set = nullptr;
  if (!ParsePairRequest(context, "WITHSCORES", &request)) return;
  if (!FindSortedSet(context, context.args[1], &set)) return;
  if (set == nullptr) return request.counted ? context.reply.Array(0) : context.reply.Null();
  ReplyRandomPairs(
      context, request, set->size(),
      [&](size_t position) { context.reply.Bulk(set->AtPosition(position).name()); },
      [&](size_t position) { context.reply.Double(set->AtPosition(position).score()); });
}

}  // namespace

void AddRandomMemberCommands(CommandTable& table) {
  constexpr KeyRange kRead = OneKey("RO access");
  const std::vector<std::string_view> random = {"nondeterministic_output"};
  // clang-format off
  const CommandSpec specs[] = {
      {"srandmember", -2, kReadonly, kCatSet, kRead, SRandMember, "set", "1.0.0",
       "Get one or multiple random members from a set", random},
      {"hrandfield", -2, kReadonly, kCatHash, kRead, HRandField, "hash", "6.2.0",
       "Get one or multiple random fields from a hash", random},
      {"zrandmember", -2, kReadonly, kCatSortedSet, kRead, ZRandMember, "sorted-set", "6.2.0",
       "Get one or multiple random elements from a sorted set", random},
  };
  // clang-format on
  for (const CommandSpec& spec : specs) table.Add(spec);
}

}  // namespace kv
