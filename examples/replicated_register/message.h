// What the copies of a shard and its clients say to each other, and how it is written.

#ifndef CLUSTERKIT_EXAMPLES_REPLICATED_REGISTER_MESSAGE_H_
#define CLUSTERKIT_EXAMPLES_REPLICATED_REGISTER_MESSAGE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "clusterkit/slot.h"
#include "clusterkit/types.h"

namespace replicated_register {

// All that a shard holds: a register for each slot that was ever written. It is small, so every
// change is replicated by sending the whole; a service with more data sends a log instead.
struct Copy {
  // Copies with the same generation, history and offset are equal.
  uint64_t generation = 0;    // Drawn at random by a primary that began with nothing; 0: no data.
  clusterkit::Epoch history;  // Of the election that its last primary won: it has one author.
  uint64_t offset = 0;        // Number of changes.
  clusterkit::Epoch epoch;    // Config epoch of the primary that it is from: the fencing token.
  // Who may have been given a copy, and at which offset that was decided.
  std::map<clusterkit::NodeId, uint64_t> holders;
  std::map<clusterkit::SlotId, uint64_t> values;
};

// From a client. Each value of a slot is greater than those before it.
struct Write {
  clusterkit::SlotId slot;
  uint64_t value = 0;
  bool asking = false;  // It was sent here by Refused::ask.
};
// The answers to it.
struct Written {
  clusterkit::SlotId slot;
  uint64_t value = 0, former = 0;
};
struct Refused {
  clusterkit::SlotId slot;
  clusterkit::Endpoint owner;  // Its host is empty if that is not the reason.
  bool ask = false;            // Not the owner, but whom the slot is on its way to.
};

// From the source of a move to its target: the register of a slot that is on its way.
struct Bring {
  clusterkit::SlotId slot;
  uint64_t value = 0;
};
// The target has it, and so has whoever may replace the target.
struct Brought {
  clusterkit::SlotId slot;
  uint64_t value = 0;
};

// From a replica: it wants a copy, and those that follow.
struct Follow {
  clusterkit::NodeId replica;
};
// It has this one.
struct Confirm {
  uint64_t generation = 0;
  clusterkit::Epoch history;
  uint64_t offset = 0;
};

using Message = std::variant<Write, Written, Refused, Bring, Brought, Follow, Copy, Confirm>;

std::string Encode(const Message& message);
// Empty if these bytes are no message.
std::optional<Message> Decode(std::string_view bytes);
// For people.
std::string Describe(const Copy& copy);

}  // namespace replicated_register

#endif  // CLUSTERKIT_EXAMPLES_REPLICATED_REGISTER_MESSAGE_H_
