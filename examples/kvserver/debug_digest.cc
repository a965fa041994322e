// DEBUG DIGEST and DEBUG DIGEST-VALUE: whether two servers hold the same data.

#include "kvserver/debug_digest.h"

#include "kvserver/value_digest.h"

namespace kv {

void DebugDigest(CommandContext& context) { context.reply.Simple(DatasetDigest(context.keyspace)); }

void DebugDigestValue(CommandContext& context) {
  context.reply.Array(context.args.size() - 2);
  for (const std::string_view key : context.args.subspan(2)) {
    const Entry* entry = context.keyspace.Find(key);
    context.reply.Simple(entry == nullptr ? NoValueDigest() : ValueDigest(*entry));
  }
}

}  // namespace kv
