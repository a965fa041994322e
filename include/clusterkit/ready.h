// The ordered batch of effects that an input to the core had.

#ifndef CLUSTERKIT_READY_H_
#define CLUSTERKIT_READY_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "clusterkit/cluster_view.h"
#include "clusterkit/event.h"
#include "clusterkit/message.h"
#include "clusterkit/persistent_state.h"
#include "clusterkit/trace.h"
#include "clusterkit/types.h"

namespace clusterkit {

struct Dial {
  LinkId link;
  Endpoint to;
};
struct Outbound {
  LinkId link;
  Frame frame;
};
struct SaveRequest {
  uint64_t number = 0;  // Grows by one. Report it back through NodeCore::OnSaved.
  PersistentState state;
  // Epochs and votes: what follows must wait until this is durable. Otherwise a late or lost
  // write is harmless, and nothing waits.
  bool must_sync = false;
};

// Carry it out from top to bottom, and batches in the order taken.
//
// The part above `save` speaks of the node as it was when last durable, and leaves at once: a
// slow disk must not make a healthy node look dead. The part below may rest on what `save`
// holds, so nothing of it may become visible before this save, and every earlier one that must
// be synced, is durable. This is where "persist the vote before granting it" lives.
struct Ready {
  std::vector<TraceRecord> trace;  // Only while tracing is on; tells what led to the rest.

  std::vector<Dial> dials;
  std::vector<Outbound> prompt;  // Best effort; an unknown link is not an error.
  std::vector<LinkId> hangups;   // What was queued on the link before is still sent if possible.

  std::optional<SaveRequest> save;

  std::vector<Outbound> sends;              // Best effort, as above.
  std::shared_ptr<const ClusterView> view;  // Null if unchanged.
  std::vector<StampedEvent> events;         // After the view they speak of.

  bool empty() const {
    return trace.empty() && dials.empty() && prompt.empty() && hangups.empty() && !save &&
           sends.empty() && !view && events.empty();
  }
};

}  // namespace clusterkit

#endif  // CLUSTERKIT_READY_H_
