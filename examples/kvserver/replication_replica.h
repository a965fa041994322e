#ifndef KVSERVER_REPLICATION_REPLICA_H_
#define KVSERVER_REPLICATION_REPLICA_H_

#include <uv.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "clusterkit/types.h"
#include "kvserver/client.h"
#include "kvserver/replication_state.h"
#include "kvserver/resp_parser.h"
#include "kvserver/snapshot.h"

namespace kv {

class Server;

// The replica's side: a connection to the primary's client port that brings the stream, and before
// it a snapshot unless the primary can go on from what is here. Reconnects until it is stopped.
// The data held before stay until the new ones begin to arrive. Data thread only.
class ReplicationReplica {
 public:
  enum class State : uint8_t { kNone, kConnect, kConnecting, kHandshake, kLoading, kConnected };

  // The primary's answer that it goes on from where this replica is, in this stream and history.
  struct Continuation {
    std::string_view stream_id;
    uint64_t history = 0;
    uint64_t history_start = 0;  // offset
  };

  // Hears of the link at once; may call Start and Stop.
  class Owner {
   public:
    virtual ~Owner() = default;
    // The primary's client endpoint; an empty host if it is not known.
    virtual clusterkit::Endpoint PrimaryAddress() = 0;
    // Whom to find there. Somebody else may have that address by now, even an empty node.
    virtual std::string PrimaryId() = 0;
    // The old data are gone, the new ones begin to arrive.
    virtual void OnLoadingStarted(uint64_t history) = 0;
    // The data are complete up to `offset` of the stream.
    virtual void OnLoaded(std::string_view stream_id, uint64_t offset) = 0;
    // The data stay, the stream goes on.
    virtual void OnContinued(const Continuation& continuation) = 0;
    // This much of the stream was applied.
    virtual void OnApplied(std::string_view bytes) = 0;
    // The data are not what the stream would have made of them: all must be copied.
    virtual void OnDiverged() = 0;
    virtual void OnLinkDown() = 0;
  };

  ReplicationReplica(Server& server, const DataState& data, Owner& owner);
  ~ReplicationReplica();

  // Connects to where the owner says that the primary is, whatever was connected before.
  void Start();
  void Stop();
  // About ten times a second: retries, acknowledgements, timeouts.
  void Cron(int64_t now_ms);
  // Each loop turn: takes up the stream where a client's transaction stopped it.
  void OnTurn();

  State state() const { return state_; }
  bool loading() const { return state_ == State::kLoading; }
  bool connected() const { return state_ == State::kConnected; }
  // A command of the stream is being executed.
  bool applying() const { return applying_; }
  // The word that ROLE prints.
  std::string_view StateText() const;
  int64_t last_io_ms() const { return last_io_ms_; }
  // Since when the link is down, for INFO.
  int64_t down_since_ms() const { return down_since_ms_; }

 private:
  struct Socket;  // Outlives this object until libuv lets go of it.

  static constexpr int64_t kFirstRetryMs = 100;
  static constexpr int64_t kLastRetryMs = 1000;

  void Connect();
  void OnConnected(int status);
  void SendHandshake();
  void OnRead(ssize_t size);
  void Consume();
  // Each handles what is at the front of the input; false: more is needed, or the link is gone.
  bool ConsumeHandshakeLine();
  bool ConsumeSnapshot();
  bool ConsumeStream();
  void OnPsyncReply(std::string_view line);
  // The words behind the reply's first.
  void OnFullResync(std::string_view words);
  void OnContinue(std::string_view words);
  void GoOnline();
  // False: the value is malformed.
  bool Apply(Args args);
  // This much more of the stream was executed, or queued behind MULTI: that counts at its EXEC.
  void CountApplied(std::string_view bytes);
  void FailStream(std::string_view why);
  void SendAck();
  void Write(std::string bytes);
  // Ends the connection and tries again later.
  void Fail(std::string_view why);
  void CloseSocket();
  // A primary that is down or refuses is asked several times a second; that is told once.
  bool Repeated() const { return retry_delay_ms_ > kFirstRetryMs; }
  std::string_view Input() const { return std::string_view(input_).substr(consumed_); }

  Server& server_;
  const DataState& data_;
  Owner& owner_;
  Client client_;  // stands for the primary when its commands run
  State state_ = State::kNone;
  Socket* socket_ = nullptr;
  clusterkit::Endpoint peer_;
  int64_t connect_started_ms_ = 0;
  int64_t retry_at_ms_ = 0;
  int64_t retry_delay_ms_ = 0;
  int64_t last_io_ms_ = 0;
  int64_t last_ack_ms_ = 0;
  int64_t down_since_ms_ = 0;

  std::string input_;
  size_t filled_ = 0;      // of input_, while libuv reads into the rest
  size_t consumed_ = 0;    // of input_
  std::string uncounted_;  // the stream since MULTI
  bool stopped_short_ = false;
  bool applying_ = false;
  int replies_due_ = 0;        // before the one to PSYNC
  bool may_continue_ = false;  // as asked
  std::string stream_id_, end_mark_;
  uint64_t offset_ = 0;  // that the snapshot stands for
  bool snapshot_complete_ = false;
  SnapshotDecoder decoder_;
  RequestParser parser_;
};

}  // namespace kv

#endif  // KVSERVER_REPLICATION_REPLICA_H_
