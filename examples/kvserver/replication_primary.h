#ifndef KVSERVER_REPLICATION_PRIMARY_H_
#define KVSERVER_REPLICATION_PRIMARY_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kvserver/client.h"
#include "kvserver/command.h"
#include "kvserver/loop_handles.h"
#include "kvserver/replication_backlog.h"
#include "kvserver/replication_state.h"
#include "kvserver/snapshot.h"

namespace kv {

class Server;

// The primary's side: gives each replica a snapshot, then the stream of what changed since. One
// that has the stream up to a point which the backlog still reaches gets no snapshot.
//
// A snapshot is taken in steps while requests go on: the keyspace shows each entry once, as it
// was at the start, and what changes meanwhile waits in the stream of those replicas. At most one
// snapshot at a time, those to disk included; replicas that ask during one share the next. Memory
// beyond the data: about kMaxQueued per replica for the snapshot, old versions of keys that change
// during it, and the waiting stream. The latter two count against client-output-buffer-limit, and a
// replica over it is dropped.
//
// Data thread only.
class ReplicationPrimary {
 public:
  enum class State : uint8_t {
    kWaiting,     // for a snapshot to begin
    kSyncing,     // is sent the snapshot
    kCatchingUp,  // is sent, in pieces, what the stream brought meanwhile, or what it missed
    kOnline,      // is sent the stream
  };
  struct Replica {
    ClientId id = 0;
    State state = State::kWaiting;
    std::string host;
    int64_t port = 0;           // where it serves clients
    ReplicationBacklog held;    // stream since its snapshot began, if it gets one
    uint64_t sent = 0;          // offset, while it is catching up
    uint64_t acked = 0;         // offset
    int64_t last_heard_ms = 0;  // or, before it is online, when its socket last took something
    size_t last_queued = 0;
    int64_t over_soft_limit_since_ms = 0;  // before it is online; 0: it is not
  };
  // What PSYNC asks to go on from.
  struct Position {
    std::string_view stream_id;  // "?": from nothing
    int64_t next = -1;           // offset of the first byte that it lacks, counted from 1
  };
  // What a replica told of itself with REPLCONF before PSYNC.
  struct Announcement {
    int64_t port = 0;
    std::string host;        // empty: the address that it came from
    std::string primary_id;  // whom it looks for; empty: it did not say
  };

  ReplicationPrimary(Server& server, DataState& data);

  // REPLCONF and PSYNC of a client.
  Announcement& AnnouncementOf(ClientId id) { return announcements_[id]; }
  void Attach(Client& client, const Position& position);
  void OnAck(ClientId id, uint64_t offset);
  void OnClientClosed(ClientId id);
  // Ends all links: what they follow is no longer the data of a primary.
  void DropAll();

  // Adds to the stream and counts it.
  void Append(Args args);
  // Asks for acknowledgements with the next Flush.
  void RequestAcks() { acks_wanted_ = true; }
  // Hands the stream to the sockets. Must come before any reply that acknowledges part of it, so
  // that the death of this process alone loses nothing that was acknowledged.
  void Flush();
  // Each loop turn: starts what is due.
  void OnTurn();
  // About ten times a second: pings, timeouts.
  void Cron(int64_t now_ms);

  const std::vector<Replica>& replicas() const { return replicas_; }
  // Replicas known to have everything up to `offset`.
  int64_t CountAcked(uint64_t offset) const;
  // Online replicas heard within `max_lag_ms`.
  int64_t CountGood(int64_t now_ms, int64_t max_lag_ms) const;

 private:
  Replica* Find(ClientId id);
  bool CanContinue(const Position& position) const;
  size_t Queued(const Replica& replica);
  // Sends to all replicas in a state. A full socket buffer queues; an error drops the replica.
  void SendTo(State state, std::string_view bytes);
  void StartSnapshot();
  void AdvanceSnapshot();
  void FinishSnapshot();
  void CatchUp();
  // Adds the next piece of what it lacks to `out`; at the end of that it is online.
  void TakeMissed(Replica& replica, std::string& out);
  void Drop(ClientId id, std::string_view why);
  bool IsLate(Replica& replica, int64_t now_ms);
  bool IsTooLarge(Replica& replica, int64_t now_ms);

  Server& server_;
  DataState& data_;
  std::vector<Replica> replicas_;
  std::map<ClientId, Announcement> announcements_;
  std::string stream_;  // appended, not given to the sockets yet
  bool acks_wanted_ = false;
  int64_t last_ping_ms_ = 0;
  int64_t last_newline_ms_ = 0;

  std::optional<SnapshotEncoder> encoder_;  // while a snapshot is taken
  std::string chunk_;                       // encoded, not given to the sockets yet
  std::string end_mark_;
  LoopTimer snapshot_timer_;
  LoopTimer catch_up_timer_;
};

}  // namespace kv

#endif  // KVSERVER_REPLICATION_PRIMARY_H_
