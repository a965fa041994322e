#ifndef KVSERVER_EVENT_LOG_H_
#define KVSERVER_EVENT_LOG_H_

#include <string>

#include "clusterkit/event.h"
#include "clusterkit/types.h"
#include "kvserver/config.h"

namespace kv {

struct LogLine {
  LogLevel level = LogLevel::kNotice;
  std::string text;
};

// The line that tells an event of the cluster, with full node ids. Where Redis logs the same
// fact, its words are used, because operators' scripts wait for them.
LogLine LineFor(const clusterkit::Event& event, const clusterkit::NodeId& self);

}  // namespace kv

#endif  // KVSERVER_EVENT_LOG_H_
