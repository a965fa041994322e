// Random frames within the limits of the wire, for whoever tests codecs and transports.

#ifndef CLUSTERKIT_TESTS_SUPPORT_RANDOM_FRAME_H_
#define CLUSTERKIT_TESTS_SUPPORT_RANDOM_FRAME_H_

#include <cstddef>
#include <string>

#include "clusterkit/message.h"
#include "clusterkit/random.h"
#include "clusterkit/slot.h"

namespace clusterkit::testing {

// The same seed gives the same frames. Every field takes its extremes now and then, every kind
// and body turns up, and what is drawn survives any codec unchanged: durations are whole
// milliseconds up to an hour, reporters ascend.
Frame RandomFrame(Rng& rng);
Message RandomMessage(Rng& rng);
SlotSet RandomSlots(Rng& rng);

// 0 to max_bytes characters that a host may consist of.
std::string RandomHost(Rng& rng, size_t max_bytes);

}  // namespace clusterkit::testing

#endif  // CLUSTERKIT_TESTS_SUPPORT_RANDOM_FRAME_H_
