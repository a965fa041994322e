#include "kvserver/client.h"

#include "kvserver/command_feed.h"
#include "kvserver/pubsub.h"
#include "kvserver/transaction.h"
#include "kvserver/watch_table.h"

namespace kv {

Client::Client(ClientId client_id) : id(client_id) {}
Client::~Client() = default;

bool Client::in_exec() const {
  return transaction != nullptr && transaction->state == Transaction::State::kRunning;
}

}  // namespace kv
