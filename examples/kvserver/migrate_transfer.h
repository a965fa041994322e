#ifndef KVSERVER_MIGRATE_TRANSFER_H_
#define KVSERVER_MIGRATE_TRANSFER_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kvserver/client.h"
#include "kvserver/loop_handles.h"
#include "kvserver/pause.h"
#include "kvserver/target_link.h"
#include "kvserver/watch_table.h"

namespace kv {

class Server;

// What MIGRATE was asked to do.
struct MigrateRequest {
  std::string host;
  std::string port;
  int64_t database = 0;
  int64_t timeout_ms = 0;  // without any progress
  bool copy = false;
  bool replace = false;
  std::optional<std::string> user;
  std::optional<std::string> password;
  std::vector<std::string> keys;
};

// One MIGRATE: sends the keys, and deletes each here when the target says that it has it.
//
// From beginning to end its keys are locked, so no request changes them; and watched, because what
// is no request still may: expiry, FLUSHALL, a primary that this node follows now. Such a key is
// not deleted on the word of a target that holds something else. Keys and client part ways: if the
// client goes, all the same is done.
//
// Values are encoded as the target takes them, so a request for many keys holds a window of bytes,
// or one value that is larger.
class MigrateTransfer final : private TargetLink::Listener {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    // One that is connected already, unless it shall be `fresh`; or one that is not.
    virtual std::unique_ptr<TargetLink> LinkTo(const MigrateRequest& request, bool fresh) = 0;
    // Destroys the transfer. Null: its link is of no use any more.
    virtual void OnEnd(MigrateTransfer& transfer, std::unique_ptr<TargetLink> link) = 0;
  };

  // Locks the keys. Those that are locked already are left out; so is what is not here.
  MigrateTransfer(Server& server, Owner& owner, ClientId client, MigrateRequest request);
  ~MigrateTransfer() override;

  // Begins soon; the end never comes from within this call.
  void Start() { step_.Start(0, 0); }
  // After the end: tells the client.
  void Answer();

 private:
  enum class Failure : uint8_t { kConnecting, kWriting, kReading };
  struct Key {
    enum class State : uint8_t { kWaiting, kSent, kDone };
    std::string name;
    std::unique_ptr<Watch> watch;
    State state = State::kWaiting;
  };

  // TargetLink::Listener.
  void OnConnected() override;
  void OnSent() override;
  void OnLine(std::string_view line) override;
  void OnLost(bool had_address) override;

  void Step();
  void Open(bool fresh);
  void SendPreamble();
  void SendMore();
  void AppendKey(Key& key, std::string* out);
  void ProcessReplies();
  void OnPreambleReply(std::string_view line);
  // False: no answer to RESTORE.
  bool OnKeyReply(std::string_view line);
  void Delete(Key& key);
  void OnTime();
  void NoteProgress();
  void Fail(Failure failure, bool timed_out);
  bool done() const;
  void End(std::string error);
  void Finish(Key& key);

  Server& server_;
  Owner& owner_;
  const ClientId client_;
  const MigrateRequest request_;
  std::vector<Key> keys_;
  std::optional<Pause::LongWrite> long_write_;
  std::unique_ptr<TargetLink> link_;
  LoopTimer step_;
  LoopTimer timer_;

  size_t next_to_send_ = 0;    // in keys_
  size_t next_to_answer_ = 0;  // in keys_
  std::deque<std::string> replies_;
  int auth_due_ = 0;            // replies before those of the keys
  int select_due_ = 0;          // after auth_due_
  std::string preamble_error_;  // the first one of these
  std::string target_error_;    // the first one of all
  size_t last_unsent_ = 0;
  bool lost_ = false;          // the link, while replies wait to be processed
  bool last_call_ = false;     // time is up, unless the answer is in the socket already
  bool connected_ = false;     // link_ was
  bool acknowledged_ = false;  // some key
  bool deleted_ = false;       // some key
  bool retried_ = false;
  bool demoted_ = false;  // the keys are another node's now
  std::string error_;     // after the end; empty: OK
};

}  // namespace kv

#endif  // KVSERVER_MIGRATE_TRANSFER_H_
