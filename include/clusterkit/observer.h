// How a host hears of what happened.

#ifndef CLUSTERKIT_OBSERVER_H_
#define CLUSTERKIT_OBSERVER_H_

#include "clusterkit/event.h"
#include "clusterkit/time.h"

namespace clusterkit {

class Observer {
 public:
  virtual ~Observer() = default;
  // Loop thread, after the state the event speaks of is durable and its view is published.
  // May call any command of Node; the events of those follow later. Must not block.
  virtual void OnEvent(const Event& event, Instant now) = 0;
};

}  // namespace clusterkit

#endif  // CLUSTERKIT_OBSERVER_H_
