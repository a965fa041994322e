#ifndef KVSERVER_DEBUG_DIGEST_H_
#define KVSERVER_DEBUG_DIGEST_H_

#include "kvserver/command_context.h"

namespace kv {

// DEBUG DIGEST and DEBUG DIGEST-VALUE key [key ...].
void DebugDigest(CommandContext& context);
void DebugDigestValue(CommandContext& context);

}  // namespace kv

#endif  // KVSERVER_DEBUG_DIGEST_H_
