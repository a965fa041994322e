// Faults of machines: processes, disks, clocks, addresses.

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "sim/campaign/draft.h"

namespace clusterkit::sim {
namespace {

void Pause(Draft& d) {
  const std::string name = d.Any();
  d.Now("pause " + name);
  d.Later("resume " + name);
}

void Suspend(Draft& d) {
  const std::string name = d.Any();
  d.Now("suspend " + name);
  d.Later("resume " + name);
}

void HostStall(Draft& d) {
  const std::string name = d.Any();
  d.Now(absl::StrCat("host-alive ", name, " off"));
  d.Later(absl::StrCat("host-alive ", name, " on"));
}

void Crash(Draft& d) {
  const std::string name = d.Any();
  d.Now("crash " + name);
  d.Later("restart " + name);
}

void PowerCut(Draft& d) {
  const std::string name = d.Any();
  d.Now(absl::StrCat("crash ", name, " lose", d.rng.Chance(700) ? " host-gone" : ""));
  d.Later("restart " + name);
}

void LoseData(Draft& d) {
  const std::string name = d.Any();
  d.Now("crash " + name);
  d.Now(absl::StrCat("data ", name, " missing"));
  d.Later("restart " + name);
}

// The rest leave something behind, so their ends are never left out.
void EmptyDisk(Draft& d) {
  const std::string name = d.Any();
  d.Now(absl::StrCat("crash ", name, " lose"));
  d.Now("wipe " + name);
  d.After(d.Length(), "restart " + name);
}

void DamagedFile(Draft& d) {
  const std::string name = d.Any();
  d.Now("backup " + name);
  d.Now("crash " + name);
  d.Now("damage " + name);
  d.Now("restart " + name);
  const absl::Duration length = d.Length();
  d.After(length, d.rng.Chance(500) ? "restore " + name : "wipe " + name);
  d.After(length, "restart " + name);
}

void OldFile(Draft& d) {
  const std::string name = d.Any();
  d.Now("backup " + name);
  const absl::Duration length = d.Length();
  d.After(length, "crash " + name);
  d.After(length, "restore " + name);
  d.After(length + d.Length(), "restart " + name);
}

void SlowDisk(Draft& d) {
  const std::string name = d.Any();
  d.Now(absl::StrCat("disk ", name,
                     " sync=", Draft::Ms(d.rng.Between(absl::ZeroDuration(), d.node_timeout))));
  d.Later("disk " + name);
}

void FailingDisk(Draft& d) {
  const std::string name = d.Any();
  d.Now(absl::StrCat("disk ", name, " fail=on"));
  const absl::Duration length = d.Length();
  d.After(length, "disk " + name);
  d.After(length, "crash " + name);
  d.After(length, "restart " + name);
}

void Clock(Draft& d) {
  d.Now(absl::StrCat("clock ", d.Any(),
                     " ahead=", Draft::Ms(d.rng.Between(absl::ZeroDuration(), absl::Hours(1))),
                     " drift=", static_cast<int64_t>(d.rng.Below(2001)) - 1000));
}

void Addresses(Draft& d) {
  std::vector<std::string> names = d.Everybody();
  if (d.rng.Chance(700)) names = {d.Any()};
  // Other addresses, or each other's.
  const bool exchanged = names.size() > 1 && d.rng.Chance(500);
  for (const std::string& name : names) d.Now("crash " + name);
  if (exchanged) {
    d.Now("readdress " + absl::StrJoin(names, " "));
  } else {
    for (const std::string& name : names) d.Now("readdress " + name);
  }
  for (const std::string& name : names) d.After(d.Length() / 8, "restart " + name);
}

}  // namespace

std::vector<DrawnFault> FaultsOfMachines() {
  return {
      {{"pause", "a process is stopped and goes on"}, Pause},
      {{"suspend", "a machine is suspended and goes on"}, Suspend},
      {{"host-stall", "a data thread hangs"}, HostStall},
      {{"crash", "a process dies"}, Crash},
      {{"power-cut", "a machine dies; what was not synced is lost"}, PowerCut},
      {{"lose-data", "a process dies and comes back without its data"}, LoseData},
      {{"empty-disk", "a machine comes back as a new node"}, EmptyDisk},
      {{"damaged-file", "a state file cannot be read, then an old one or none"}, DamagedFile},
      {{"old-file", "an old state file comes back"}, OldFile},
      {{"slow-disk", "syncing takes long"}, SlowDisk},
      {{"failing-disk", "saves fail, the node halts and is restarted"}, FailingDisk},
      {{"clock", "a clock jumps ahead and drifts"}, Clock},
      {{"addresses", "a node comes back at another address, or all of them do"}, Addresses},
  };
}

}  // namespace clusterkit::sim
