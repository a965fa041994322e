// The single printer: one line for each value, the same in logs, traces, scenarios and tests.

#ifndef CLUSTERKIT_DESCRIBE_H_
#define CLUSTERKIT_DESCRIBE_H_

#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "clusterkit/event.h"
#include "clusterkit/message.h"
#include "clusterkit/routing.h"
#include "clusterkit/trace.h"
#include "clusterkit/types.h"

namespace clusterkit {

// Turns an id into what a reader calls the node; the default is its first 8 hex digits.
using NameOf = absl::FunctionRef<std::string(const NodeId&)>;
std::string ShortName(const NodeId& id);

std::string_view Describe(Role role);
std::string_view Describe(Voting voting);
std::string_view Describe(Health health);
std::string_view Describe(ClusterState state);
std::string_view Describe(DownReason reason);
std::string_view Describe(VoteRefusal refusal);
std::string_view Describe(Ineligible reason);
std::string_view Describe(ElectionStarted::Cause cause);
std::string_view Describe(LinkDownCause cause);
std::string_view Describe(FrameRefusal refusal);
std::string_view Describe(FrameDrop drop);
std::string Describe(const Endpoint& endpoint);  // host:port
std::string Describe(const Progress& progress);  // history/offset, "unsynced"
std::string Describe(const SlotSet& slots);      // 0-5460 7000
std::string Describe(const Event& event, NameOf name = ShortName);
std::string Describe(const Frame& frame, NameOf name = ShortName);
std::string Describe(const TraceRecord& record, NameOf name = ShortName);
std::string Describe(const RouteDecision& decision);

}  // namespace clusterkit

#endif  // CLUSTERKIT_DESCRIBE_H_
