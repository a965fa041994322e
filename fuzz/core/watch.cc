#include "core/watch.h"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <variant>


namespace clusterkit::fuzz {

void Watch::Require(const sim::Checker& checker) {
  if (checker.violations().empty()) return;
  std::fprintf(stderr, "%s: %s\n", checker.rule().c_str(),
               checker.violations().front().text.c_str());
  std::abort();
}

void Watch::OnDurable(const PersistentState& state) {
  epochs_.OnDurable(state);
  durable_.OnDurable(state);
  Require(epochs_);
}

void Watch::OnSent(const Message& message, const std::optional<NodeId>& to) {
  const Header& header = message.header;
  durable_.OnHeader(header);
  if (const auto* request = std::get_if<FailoverAuthRequest>(&message.body)) {
    durable_.OnRequest(header.sender, request->epoch);
  }
  const auto* ack = std::get_if<FailoverAuthAck>(&message.body);
  if (ack != nullptr && to) {
    one_vote_.OnAck(header.sender, ack->shard, ack->epoch, *to);
    durable_.OnAck(header.sender, ack->shard, ack->epoch, *to);
    Require(one_vote_);
  }
  Require(durable_);
}

void Watch::OnElected(const ClusterView& view, Epoch epoch) {
  one_winner_.OnWin(view.self().id, view.self().shard, epoch);
  Require(one_winner_);
}

void Watch::OnServers(Instant now, const std::vector<sim::OneServer::Server>& servers) {
  one_server_.OnServers(now, servers);
  Require(one_server_);
}

}  // namespace clusterkit::fuzz
