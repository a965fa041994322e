// Where the views of several nodes are not the same.

#ifndef CLUSTERKIT_EXAMPLES_CLUSTERKIT_TOP_DIFFERENCES_H_
#define CLUSTERKIT_EXAMPLES_CLUSTERKIT_TOP_DIFFERENCES_H_

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "clusterkit_top/view.h"

namespace clusterkit_top {

struct Difference {
  std::string about;
  std::map<std::string, std::vector<size_t>> said;  // What, and by which views: two or more.
};

// Of those that answer and are members of a cluster. The state first, then epochs, nodes, slots.
std::vector<Difference> Compare(const std::vector<View>& views);

}  // namespace clusterkit_top

#endif  // CLUSTERKIT_EXAMPLES_CLUSTERKIT_TOP_DIFFERENCES_H_
