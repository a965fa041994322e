#ifndef KVSERVER_EVENT_LOG_H_
#define KVSERVER_EVENT_LOG_H_

#include <string>

#include "clusterkit/describe.h"
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
// `name_of`: what operators call a node, or nothing.
LogLine LineFor(const clusterkit::Event& event, const clusterkit::NodeId& self,
                clusterkit::NameOf name_of);

}  // namespace kv

#endif  // KVSERVER_EVENT_LOG_H_
