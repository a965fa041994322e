#ifndef KVSERVER_MESSAGE_LINKS_H_
#define KVSERVER_MESSAGE_LINKS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "clusterkit/cluster_view.h"
#include "kvserver/loop_handles.h"
#include "kvserver/pubsub.h"
#include "kvserver/target_link.h"

namespace kv {

class Server;

// Messages on their way to one other node, over a connection to its client port. It is made when
// there is something to send, and made again when it broke, at first at once and then ever less
// often. Messages arrive in order and at most once: what the node does not take is dropped, and
// whoever else has its address gets nothing.
class MessageLink final : private TargetLink::Listener {
 public:
  MessageLink(Server& server, clusterkit::NodeId node, clusterkit::Endpoint address);
  ~MessageLink() { Lose(/*worked=*/true); }
  MessageLink(const MessageLink&) = delete;
  MessageLink& operator=(const MessageLink&) = delete;

  const clusterkit::Endpoint& address() const { return address_; }
  // Queues a request until the next Flush, or drops it.
  void Add(std::string_view request);
  void Flush();
  // Gives up a node that does not answer the handshake.
  void Cron();

 private:
  void Dial();
  void Lose(bool worked);
  void OnConnected() override;
  void OnSent() override;
  void OnLine(std::string_view line) override;
  void OnLost(bool had_address) override;

  Server& server_;
  const clusterkit::NodeId node_;
  const clusterkit::Endpoint address_;
  std::unique_ptr<TargetLink> link_;  // null: none, and nothing is queued
  int lines_due_ = 0;                 // of the answers to the handshake
  std::string queue_;
  uint64_t queued_ = 0;   // messages in `queue_`
  uint64_t sending_ = 0;  // messages that the link has, and the kernel has not
  int64_t dialled_ms_ = 0;
  int64_t retry_at_ms_ = 0;
  int64_t retry_delay_ms_ = 0;
};

// The links to all other nodes. They share nothing with the nodes' own links, so that however much
// is published, no heartbeat waits for it. Data thread only.
class MessageLinks {
 public:
  explicit MessageLinks(Server& server);

  // Whom there is to send to. Links to nodes that are gone, or have failed, are closed.
  void Follow(const clusterkit::ClusterView& view);
  // To all of them, or, if it is sharded, to those of this node's shard.
  void Send(ChannelKind kind, std::string_view channel, std::string_view message);

 private:
  struct Peer {
    std::unique_ptr<MessageLink> link;
    bool same_shard = false;
  };

  Server& server_;
  std::map<clusterkit::NodeId, Peer> peers_;
  LoopTimer flush_;  // with the next turn, so that one write takes what many commands published
  bool flush_due_ = false;
};

}  // namespace kv

#endif  // KVSERVER_MESSAGE_LINKS_H_
