// Who may serve, and until when.

#include <algorithm>
#include <cstdint>
#include <functional>

#include "absl/strings/str_cat.h"
#include "clusterkit/describe.h"
#include "clusterkit/sim/checkers.h"

namespace clusterkit::sim {

void LeaseNeedsMajority::OnAnswer(const NodeId& primary, const NodeId& voter, Instant sent) {
  Instant& last = answers_[primary].sent.try_emplace(voter, sent).first->second;
  last = std::max(last, sent);
}

void LeaseNeedsMajority::OnRequest(const NodeId& candidate, Epoch epoch, absl::Duration round,
                                   absl::Duration lease, Instant now) {
  const absl::Duration beyond = std::min(round - lease, absl::ZeroDuration());
  answers_[candidate].requests.try_emplace(epoch, now + beyond);
}

void LeaseNeedsMajority::OnVote(const NodeId& candidate, const NodeId& voter, Epoch epoch) {
  const auto& requests = answers_[candidate].requests;
  const auto asked = requests.find(epoch);
  if (asked != requests.end()) OnAnswer(candidate, voter, asked->second);
}

std::optional<Instant> LeaseNeedsMajority::AnsweredBy(size_t majority, const NodeId& primary,
                                                      const Answers& answers, const Voters& voters,
                                                      Instant now) {
  std::vector<Instant> sent;
  for (const NodeId& voter : voters) {
    const auto answered = answers.sent.find(voter);
    if (voter == primary) {
      sent.push_back(now);
    } else if (answered != answers.sent.end()) {
      sent.push_back(answered->second);
    }
  }
  if (sent.size() < majority) return std::nullopt;
  std::sort(sent.begin(), sent.end(), std::greater<>());
  return sent[majority - 1];
}

void LeaseNeedsMajority::OnLease(const NodeId& primary, Instant until,
                                 const std::vector<Voters>& voters, absl::Duration lease,
                                 Instant now) {
  Saw();
  const Answers& answers = answers_[primary];
  Instant backed = Instant::InfinitePast();
  const auto try_with = [&](size_t majority, const Voters& electorate) {
    if (const auto sent = AnsweredBy(majority, primary, answers, electorate, now)) {
      backed = std::max(backed, *sent + lease);
    }
  };
  for (const Voters& electorate : voters) try_with(electorate.size() / 2 + 1, electorate);
  std::set<NodeId> either;
  size_t smallest = SIZE_MAX;
  for (const Voters& electorate : voters) {
    either.insert(electorate.begin(), electorate.end());
    smallest = std::min(smallest, electorate.size());
  }
  if (voters.size() > 1) try_with(smallest / 2 + 1, Voters(either.begin(), either.end()));
  if (until <= backed) return;
  Report(absl::StrCat(Who(primary), " may serve for ", absl::FormatDuration(until - now),
                      "; what a majority of voters answered is good for ",
                      backed < now ? std::string("nothing") : absl::FormatDuration(backed - now)));
}

void OneServer::OnServers(Instant now, const std::vector<Server>& servers) {
  Saw();
  bool doubled = false;
  for (size_t i = 0; i < servers.size(); ++i) {
    for (size_t j = i + 1; j < servers.size(); ++j) {
      if (!servers[i].slots.Intersects(servers[j].slots)) continue;
      doubled = true;
      Report(absl::StrCat(Who(servers[i].node), " and ", Who(servers[j].node),
                          " serve the same slots"));
    }
  }
  if (doubled_since_) doubled_ += now - *doubled_since_;
  doubled_since_ = doubled ? std::optional<Instant>(now) : std::nullopt;
}

}  // namespace clusterkit::sim
