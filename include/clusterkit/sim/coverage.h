// Which branches of the protocol a run, or many, went through.

#ifndef CLUSTERKIT_SIM_COVERAGE_H_
#define CLUSTERKIT_SIM_COVERAGE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "clusterkit/event.h"
#include "clusterkit/message.h"

namespace clusterkit::sim {

class Coverage {
 public:
  // Each branch that is known to exist, in an order fit for printing: "election: won",
  // "vote refused: stale claim". `required`: a campaign that never saw it proves too little.
  struct Branch {
    std::string name;
    bool required = false;
  };
  static const std::vector<Branch>& Known();

  void OnEvent(const Event& event);
  void OnFrame(const Frame& frame);
  void Count(const std::string& branch, uint64_t times = 1) {
    if (times > 0) counts_[branch] += times;
  }
  void Merge(const Coverage& other);

  std::map<std::string, uint64_t> Counts() const;
  // Required, but never seen.
  std::vector<std::string> Missing() const;
  // A table with every known branch and what else was counted.
  std::string Table() const;

 private:
  std::map<std::string, uint64_t> counts_;
  // Frames are many: counted by number, named when asked.
  uint64_t hellos_ = 0, goodbyes_ = 0;
  std::array<uint64_t, kMessageKinds> messages_{};
};

}  // namespace clusterkit::sim

#endif  // CLUSTERKIT_SIM_COVERAGE_H_
