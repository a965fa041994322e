// Who may serve, and until when.

#include <algorithm>
#include <functional>

#include "absl/strings/str_cat.h"
#include "clusterkit/describe.h"
#include "clusterkit/sim/checkers.h"

namespace clusterkit::sim {

void LeaseNeedsMajority::OnAnswer(const NodeId& primary, const NodeId& voter, Instant sent) {
  Instant& last = answers_[primary].sent.try_emplace(voter, sent).first->second;
  last = std::max(last, sent);
}

void LeaseNeedsMajority::OnRequest(const NodeId& candidate, Epoch epoch, Instant now) {
  answers_[candidate].requests.try_emplace(epoch, now);
}

void LeaseNeedsMajority::OnVote(const NodeId& candidate, const NodeId& voter, Epoch epoch) {
  const auto& requests = answers_[candidate].requests;
  const auto asked = requests.find(epoch);
  if (asked != requests.end()) OnAnswer(candidate, voter, asked->second);
}

std::optional<Instant> LeaseNeedsMajority::AnsweredByMajority(const NodeId& primary,
                                                              const Answers& answers,
                                                              const Voters& voters, Instant now) {
  std::vector<Instant> sent;
  for (const NodeId& voter : voters) {
    const auto answered = answers.sent.find(voter);
    if (voter == primary) {
      sent.push_back(now);
    } else if (answered != answers.sent.end()) {
      sent.push_back(answered->second);
    }
  }
  const size_t majority = voters.size() / 2 + 1;
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
  for (const Voters& electorate : voters) {
    if (const auto sent = AnsweredByMajority(primary, answers, electorate, now)) {
      backed = std::max(backed, *sent + lease);
    }
  }
  if (until <= backed) return;
  Report(absl::StrCat(ShortName(primary), " may serve for ", absl::FormatDuration(until - now),
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
      Report(absl::StrCat(ShortName(servers[i].node), " and ", ShortName(servers[j].node),
                          " serve the same slots at ", absl::FormatDuration(now.since_origin)));
    }
  }
  if (doubled_since_) doubled_ += now - *doubled_since_;
  doubled_since_ = doubled ? std::optional<Instant>(now) : std::nullopt;
}

}  // namespace clusterkit::sim
