#ifndef KVSERVER_EVENT_LOG_H_
#define KVSERVER_EVENT_LOG_H_

#include <string>

#include "clusterkit/cluster_view.h"
#include "clusterkit/event.h"
#include "kvserver/config.h"

namespace kv {

struct LogLine {
  LogLevel level = LogLevel::kNotice;
  std::string text;
};

// The line that tells an event of the cluster, with full node ids and what operators call the
// nodes. Where Redis logs the same fact, its words are used, because operators' scripts wait for
// them. `view` is that of the node whose log it is.
LogLine LineFor(const clusterkit::Event& event, const clusterkit::ClusterView& view);

}  // namespace kv

#endif  // KVSERVER_EVENT_LOG_H_
