#ifndef KVSERVER_VALUE_DIGEST_H_
#define KVSERVER_VALUE_DIGEST_H_

#include <string>

#include "kvserver/entry.h"
#include "kvserver/keyspace.h"

namespace kv {

// What Redis's DEBUG DIGEST-VALUE says of a value and whether it expires, in hex. Equal digests
// mean equal data, on whichever server: redis-cli --cluster fix relies on it.
std::string ValueDigest(const Entry& entry);
// Of a key that does not exist.
std::string NoValueDigest();

// What Redis's DEBUG DIGEST says of all keys. Takes its time.
std::string DatasetDigest(Keyspace& keyspace);

}  // namespace kv

#endif  // KVSERVER_VALUE_DIGEST_H_
