// What every StateStore must do. Call TestStateStore() from a test case of its own.

#ifndef CLUSTERKIT_TESTS_CONTRACT_STATE_STORE_CONTRACT_H_
#define CLUSTERKIT_TESTS_CONTRACT_STATE_STORE_CONTRACT_H_

#include <functional>
#include <memory>

#include "clusterkit/persistent_state.h"
#include "clusterkit/random.h"
#include "clusterkit/state_store.h"

namespace clusterkit {

class StoreUnderTest {
 public:
  virtual ~StoreUnderTest() = default;
  virtual StateStore& store() = 0;
  // As if the process had ended and begun anew, when no save is under way: store() is another one
  // on the same place. A store that keeps nothing beyond its own life does nothing here.
  virtual void Restart() = 0;
  // Runs whatever completes saves until `done`; false if it takes too long.
  virtual bool RunUntil(const std::function<bool()>& done) = 0;
};

void TestStateStore(const std::function<std::unique_ptr<StoreUnderTest>()>& make);

// A state of every shape that a node may save, up to `max_nodes` nodes.
PersistentState RandomState(Rng& rng, uint64_t max_nodes);

}  // namespace clusterkit

#endif  // CLUSTERKIT_TESTS_CONTRACT_STATE_STORE_CONTRACT_H_
