// Names the place in a frame that an error is about: "message.heartbeat.gossip[3].id".

#ifndef CLUSTERKIT_SRC_WIRE_FIELD_PATH_H_
#define CLUSTERKIT_SRC_WIRE_FIELD_PATH_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace clusterkit::wire {

// A step on the way from the frame to a field. Steps live on the stack and are turned into text
// only if something is wrong, so that good frames pay nothing for them.
class FieldPath {
 public:
  explicit FieldPath(const char* root) : name_(root) {}
  FieldPath(const FieldPath& parent, const char* name) : parent_(&parent), name_(name) {}
  FieldPath(const FieldPath& parent, const char* name, size_t index)
      : parent_(&parent), name_(name), index_(index), indexed_(true) {}

  FieldPath(const FieldPath&) = delete;
  FieldPath& operator=(const FieldPath&) = delete;

  std::string ToString() const;

  // "<path>: <what>".
  absl::Status Invalid(std::string_view what) const;
  // "<path>: <count> <unit>, the limit is <limit>".
  absl::Status OverLimit(size_t count, std::string_view unit, size_t limit) const;

 private:
  const FieldPath* parent_ = nullptr;
  const char* name_;
  size_t index_ = 0;
  bool indexed_ = false;
};

}  // namespace clusterkit::wire

#endif  // CLUSTERKIT_SRC_WIRE_FIELD_PATH_H_
