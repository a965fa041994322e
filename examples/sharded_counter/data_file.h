// The data of one node on its disk.

#ifndef CLUSTERKIT_EXAMPLES_SHARDED_COUNTER_DATA_FILE_H_
#define CLUSTERKIT_EXAMPLES_SHARDED_COUNTER_DATA_FILE_H_

#include <string>

#include "absl/status/statusor.h"
#include "sharded_counter/data.h"

namespace sharded_counter {

// Nothing, if there is no such file. DataLoss: there is one that cannot be read.
absl::StatusOr<Data> LoadData(const std::string& path);

// Replaces the file, durably: what is acknowledged may rest on it. Ends the process if it cannot.
// There is little data; a service with more appends its changes to a journal instead.
void SaveData(const std::string& path, const Data& data);

}  // namespace sharded_counter

#endif  // CLUSTERKIT_EXAMPLES_SHARDED_COUNTER_DATA_FILE_H_
