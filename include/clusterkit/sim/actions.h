// Carries out script lines on a simulated cluster: faults and what ends them, what hosts do, and
// every command of an operator.
//
//   partition {p1 p2 | p3}       groups that cannot reach each other; nobody named: one more group
//   cut p1 p2                    nothing from p1 arrives at p2
//   split p1 p2                  neither way
//   faults p1 p2 latency=5ms jitter=2ms stalled=on refused=on reset-per-mille=10
//   reset-links p1 p2            every link between the two breaks, once
//   heal                         ends all of these
//   drop p1 auth-ack close=on    p1 throws these away when they arrive, and closes the link
//   drop p1                      not any more
//   kill-links p1 p2 [to|from]   p1 closes its links with p2, or those of one direction
//   crash p1 [lose] [host-gone]  the process dies; unsynced state is lost; a power cut
//   restart p1                   with what its disk holds
//   wipe p1, damage p1           its disk, while it is down: empty, or not to be read
//   backup p1, restore p1        an old state file comes back, while it is down
//   readdress p1                 another address, while it is down
//   readdress p1 p2 p3           each gets the address of the next, while they are down
//   pause p1, suspend p1         the process or the whole machine stops
//   resume p1
//   disk p1 sync=50ms fail=on    saves are slow, or fail
//   clock p1 ahead=2s drift=500  the clock is ahead by that, and gains (ppm)
//   host-alive p1 off            its data thread hangs
//   data p1 missing              its data is lost; present: it is back
//   meet p1 p2, addslots p1 0-99, delslots p1 0-99, import p1 0-99, replicate r1 p1,
//   forget p1 p2, reset p1 [hard], set-config-epoch p1 epoch=5, bump p1, overrule p1,
//   reconfigure p1 node-timeout=1s client-host=10.1.1.1 client-port=7000
//   reconfigure p1 name=alpha hostname=alpha.example tag=zone:a
//   move p1 0-99 p2, cancel-move p1    slots to another shard, by MoveSlots
//   export p1 0-99 p2, receive p2 0-99 p1, stable p1 0-99, bind p1 0-99 p2    the same by hand
//   failover r1 [force|takeover]       its primary steps down
//   handover p1, stop p1, leave p1     within=5s, to its best replica

#ifndef CLUSTERKIT_SIM_ACTIONS_H_
#define CLUSTERKIT_SIM_ACTIONS_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clusterkit/persistent_state.h"
#include "clusterkit/sim/cluster.h"
#include "clusterkit/sim/command.h"
#include "clusterkit/sim/workload.h"

namespace clusterkit::sim {

class Actions {
 public:
  // Both must outlive this. `workload` may be null; lines that need it then fail.
  Actions(Cluster* cluster, Workload* workload);

  bool Knows(const std::string& name) const { return table_.contains(name); }
  // What came of it: "ok", or what the node answered, each line ended. InvalidArgument: the line
  // makes no sense. FailedPrecondition: it does not apply now, and nothing happened; of several
  // nodes, to those before the one that it is about it did.
  absl::StatusOr<std::string> Run(const Command& command);
  absl::StatusOr<std::string> Run(const std::string& line) { return Run(Command::Parse(line)); }

  // Ends every fault that is under way: links heal, what is stopped goes on, disks and hosts
  // behave. Nodes that are down stay down, and clocks as they are.
  void EndFaults();

 private:
  using Output = absl::StatusOr<std::string>;
  using Handler = Output (Actions::*)(const Command&);

  void AddFaults();
  void AddMachines();
  void AddOperator();
  void AddMoves();

  absl::StatusOr<Name> Known(const std::string& word) const;
  absl::StatusOr<Name> NodeAt(const Command& c, size_t index) const;
  absl::StatusOr<Name> DownNodeAt(const Command& c, size_t index) const;
  absl::StatusOr<Node*> AwakeNodeAt(const Command& c, size_t index) const;
  Output WithPeer(const Command& c, absl::Status (Node::*command)(const SlotSet&, const NodeId&));
  Output Depart(const Command& c, absl::Status (Node::*command)(absl::Duration));
  Output ForEach(const Command& c, const std::function<absl::Status(const Name&)>& act,
                 const std::vector<std::string>& flags = {});

  Output Partition(const Command& c);
  Output Cut(const Command& c);
  Output Split(const Command& c);
  Output Faults(const Command& c);
  Output ResetLinks(const Command& c);
  Output Heal(const Command& c);
  Output Drop(const Command& c);
  Output KillLinks(const Command& c);

  Output Crash(const Command& c);
  Output Restart(const Command& c);
  Output Wipe(const Command& c);
  Output Damage(const Command& c);
  Output Backup(const Command& c);
  Output Restore(const Command& c);
  Output Readdress(const Command& c);
  Output Pause(const Command& c);
  Output Suspend(const Command& c);
  Output Resume(const Command& c);
  Output Disk(const Command& c);
  Output Clock(const Command& c);
  Output HostAlive(const Command& c);
  Output Data(const Command& c);

  Output Meet(const Command& c);
  Output AddSlots(const Command& c);
  Output RemoveSlots(const Command& c);
  Output Import(const Command& c);
  Output Replicate(const Command& c);
  Output Forget(const Command& c);
  Output Reset(const Command& c);
  Output SetConfigEpoch(const Command& c);
  Output Bump(const Command& c);
  Output Overrule(const Command& c);
  Output Reconfigure(const Command& c);
  Output Move(const Command& c);
  Output CancelMove(const Command& c);
  Output Export(const Command& c);
  Output Receive(const Command& c);
  Output Stable(const Command& c);
  Output BindTo(const Command& c);
  Output Failover(const Command& c);
  Output HandOver(const Command& c);
  Output Stop(const Command& c);
  Output Leave(const Command& c);

  Cluster* cluster_;
  Workload* workload_;
  std::map<std::string, Handler> table_;
  std::map<Name, PersistentState> backups_;
};

}  // namespace clusterkit::sim

#endif  // CLUSTERKIT_SIM_ACTIONS_H_
