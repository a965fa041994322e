#ifndef KVSERVER_COMMAND_FEED_H_
#define KVSERVER_COMMAND_FEED_H_

#include <vector>

#include "kvserver/command.h"

namespace kv {

class CommandFeed;
class Host;
struct Client;

// One client's being told of what runs, from its MONITOR to its end or RESET.
class Monitoring {
 public:
  Monitoring(CommandFeed& feed, Client& client);
  ~Monitoring();
  Monitoring(const Monitoring&) = delete;
  Monitoring& operator=(const Monitoring&) = delete;

 private:
  CommandFeed& feed_;
  Client& client_;
};

// MONITOR: who is told of the commands of all clients, a line each. Passwords are left out, and so
// are administrators' commands, which may contain some. Data thread only.
class CommandFeed {
 public:
  explicit CommandFeed(Host& host) : host_(host) {}
  CommandFeed(const CommandFeed&) = delete;
  CommandFeed& operator=(const CommandFeed&) = delete;

  void Tell(const Client& from, const Request& request) {
    if (!listeners_.empty()) TellAll(from, request);
  }

 private:
  friend class Monitoring;

  void TellAll(const Client& from, const Request& request);

  Host& host_;
  std::vector<Client*> listeners_;
};

}  // namespace kv

#endif  // KVSERVER_COMMAND_FEED_H_
