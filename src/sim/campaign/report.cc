#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "clusterkit/sim/campaign.h"
#include "clusterkit/sim/command.h"

namespace clusterkit::sim {
namespace {

constexpr char kMixed[] = "several kinds";

}  // namespace

void CampaignReport::Row::Add(const Row& other) {
  runs += other.runs;
  steps += other.steps;
  writes.acknowledged += other.writes.acknowledged;
  writes.lost += other.writes.lost;
  doubled += other.doubled;
  slowest = std::max(slowest, other.slowest);
}

void CampaignReport::Add(const FaultScript& script, const RunResult& result) {
  ++runs_;
  if (!result.violations.empty()) ++failed_;
  frames_ += result.frames;
  time_ += result.length;
  node_time_ += result.length * static_cast<double>(result.nodes);
  coverage_.Merge(result.coverage);
  Row row;
  row.runs = 1;
  row.steps = script.steps.size();
  row.writes = result.writes;
  row.doubled = result.doubled;
  if (result.healing_bound > absl::ZeroDuration()) {
    row.slowest = absl::FDivDuration(result.healed_after, result.healing_bound);
  }
  const absl::StatusOr<std::vector<FaultKind>> kinds = KindsOf(script);
  rows_[kinds.ok() && kinds->size() == 1 ? kinds->front().name : kMixed].Add(row);
}

void CampaignReport::Merge(const CampaignReport& other) {
  runs_ += other.runs_;
  failed_ += other.failed_;
  frames_ += other.frames_;
  time_ += other.time_;
  node_time_ += other.node_time_;
  coverage_.Merge(other.coverage_);
  for (const auto& [name, row] : other.rows_) rows_[name].Add(row);
}

std::string CampaignReport::Table() const {
  std::string table = absl::StrFormat(
      "%d runs, %d failed; %.1f virtual hours, %.1f node-hours, %d frames\n\n", runs_, failed_,
      absl::ToDoubleHours(time_), absl::ToDoubleHours(node_time_), frames_);
  absl::StrAppendFormat(&table, "%-18s %8s %9s %13s %9s %13s %9s\n", "runs with", "runs", "steps",
                        "writes acked", "lost", "two servers", "healing");
  const auto print = [&](const std::string& name, const Row& row) {
    absl::StrAppendFormat(&table, "%-18s %8d %9d %13d %9d %11.3f s %8.0f%%\n", name, row.runs,
                          row.steps, row.writes.acknowledged, row.writes.lost,
                          absl::ToDoubleSeconds(row.doubled), 100 * row.slowest);
  };
  for (const FaultKind& kind : FaultKinds()) {
    if (const auto row = rows_.find(kind.name); row != rows_.end()) print(row->first, row->second);
  }
  if (const auto row = rows_.find(kMixed); row != rows_.end()) print(row->first, row->second);
  return table + "(healing: the slowest, as a share of what is allowed)\n";
}

}  // namespace clusterkit::sim
