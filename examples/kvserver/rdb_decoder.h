#ifndef KVSERVER_RDB_DECODER_H_
#define KVSERVER_RDB_DECODER_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kvserver/keyspace.h"
#include "kvserver/rdb_encoder.h"

namespace kv {

struct RdbContents {
  RdbHead head;
  size_t keys = 0;
};

// Reads the contents of a snapshot file, written by kvserver or by Redis up to 7.2, into an empty
// keyspace. Keys that have expired are loaded too: whoever follows this data set has them as well,
// until it is told of their end. DataLoss names the offset and what is wrong there; then the
// keyspace holds what came before and must not be used. `progress` hears of the bytes read so far,
// now and then.
absl::StatusOr<RdbContents> DecodeRdb(std::string_view file, Keyspace& keyspace,
                                      absl::FunctionRef<void(size_t)> progress);

// The same for the file of that path; NotFound if there is none.
absl::StatusOr<RdbContents> LoadRdbFile(const std::string& path, Keyspace& keyspace,
                                        absl::FunctionRef<void(size_t read, size_t all)> progress);

}  // namespace kv

#endif  // KVSERVER_RDB_DECODER_H_
