// How a host hears of what happened.

#ifndef CLUSTERKIT_OBSERVER_H_
#define CLUSTERKIT_OBSERVER_H_

#include "clusterkit/event.h"
#include "clusterkit/time.h"

namespace clusterkit {

class Observer {
 public:
  virtual ~Observer() = default;
  // Override one of the two.
  //
  // Loop thread, after the state the event speaks of is durable and its view is published.
  // May call any command of Node; the events of those follow later. Must not block.
  virtual void OnEvent(const Event&, Instant) {}
  // The same for observers that want to know the place of the event in the stream and what led to
  // it. This is what a Node calls.
  virtual void OnStampedEvent(const StampedEvent& stamped, Instant now) {
    OnEvent(stamped.event, now);
  }
};

}  // namespace clusterkit

#endif  // CLUSTERKIT_OBSERVER_H_
