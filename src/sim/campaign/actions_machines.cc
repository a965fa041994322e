// Faults of machines, processes, disks, clocks and hosts.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "clusterkit/sim/actions.h"

namespace clusterkit::sim {

void Actions::AddMachines() {
  table_["crash"] = &Actions::Crash;
  table_["restart"] = &Actions::Restart;
  table_["wipe"] = &Actions::Wipe;
  table_["damage"] = &Actions::Damage;
  table_["backup"] = &Actions::Backup;
  table_["restore"] = &Actions::Restore;
  table_["readdress"] = &Actions::Readdress;
  table_["pause"] = &Actions::Pause;
  table_["suspend"] = &Actions::Suspend;
  table_["resume"] = &Actions::Resume;
  table_["disk"] = &Actions::Disk;
  table_["clock"] = &Actions::Clock;
  table_["host-alive"] = &Actions::HostAlive;
  table_["data"] = &Actions::Data;
}

Actions::Output Actions::Crash(const Command& c) {
  const bool lose = c.HasWord("lose"), host_gone = c.HasWord("host-gone");
  return ForEach(c,
                 [&](const Name& name) -> absl::Status {
                   if (!cluster_->Running(name)) {
                     return absl::FailedPreconditionError(absl::StrCat(name, " does not run"));
                   }
                   cluster_->Crash(name, lose, host_gone);
                   return absl::OkStatus();
                 },
                 {"lose", "host-gone"});
}

Actions::Output Actions::Restart(const Command& c) {
  return ForEach(c, [&](const Name& name) { return cluster_->Restart(name); });
}

Actions::Output Actions::Wipe(const Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(const Name name, DownNodeAt(c, 0));
  cluster_->SetDisk(name, std::nullopt);
  return "ok\n";
}

Actions::Output Actions::Damage(const Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(const Name name, DownNodeAt(c, 0));
  cluster_->DamageDisk(name);
  return "ok\n";
}

Actions::Output Actions::Backup(const Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(const Name name, NodeAt(c, 0));
  if (std::optional<PersistentState> state = cluster_->DiskOf(name)) backups_[name] = *state;
  return "ok\n";
}

Actions::Output Actions::Restore(const Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(const Name name, DownNodeAt(c, 0));
  const auto backup = backups_.find(name);
  if (backup == backups_.end()) {
    return absl::FailedPreconditionError(absl::StrCat("there is no backup of ", name));
  }
  cluster_->SetDisk(name, backup->second);
  return "ok\n";
}

Actions::Output Actions::Readdress(const Command& c) {
  std::vector<Name> names;
  for (size_t i = 0; i < std::max<size_t>(c.words().size(), 1); ++i) {
    CLUSTERKIT_ASSIGN_OR_RETURN(Name name, DownNodeAt(c, i));
    if (std::find(names.begin(), names.end(), name) != names.end()) {
      return absl::InvalidArgumentError(absl::StrCat(name, " is named twice"));
    }
    names.push_back(std::move(name));
  }
  if (names.size() == 1) {
    cluster_->Readdress(names[0]);
  } else {
    cluster_->RotateAddresses(names);
  }
  return "ok\n";
}

Actions::Output Actions::Pause(const Command& c) {
  return ForEach(c, [&](const Name& name) {
    cluster_->Pause(name);
    return absl::OkStatus();
  });
}

Actions::Output Actions::Suspend(const Command& c) {
  return ForEach(c, [&](const Name& name) {
    cluster_->Suspend(name);
    return absl::OkStatus();
  });
}

Actions::Output Actions::Resume(const Command& c) {
  return ForEach(c, [&](const Name& name) {
    cluster_->Resume(name);
    return absl::OkStatus();
  });
}

Actions::Output Actions::Disk(const Command& c) {
  DiskFaults faults;
  CLUSTERKIT_ASSIGN_OR_RETURN(faults.sync_latency, c.Time("sync", faults.sync_latency));
  CLUSTERKIT_ASSIGN_OR_RETURN(faults.fail, c.Switch("fail", false));
  return ForEach(c, [&](const Name& name) {
    cluster_->SetDiskFaults(name, faults);
    return absl::OkStatus();
  });
}

Actions::Output Actions::Clock(const Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(const absl::Duration ahead, c.Time("ahead", absl::ZeroDuration()));
  CLUSTERKIT_ASSIGN_OR_RETURN(const int64_t drift, c.Number("drift", 0));
  return ForEach(c, [&](const Name& name) {
    cluster_->SetClock(name, ahead, drift);
    return absl::OkStatus();
  });
}

Actions::Output Actions::HostAlive(const Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(const Name name, NodeAt(c, 0));
  CLUSTERKIT_ASSIGN_OR_RETURN(const std::string text, c.Word(1, "on or off"));
  CLUSTERKIT_ASSIGN_OR_RETURN(const bool alive, ParseSwitch(text));
  if (workload_ == nullptr) return absl::FailedPreconditionError("there are no hosts");
  workload_->SetHostAlive(name, alive);
  return "ok\n";
}

Actions::Output Actions::Data(const Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(const Name name, NodeAt(c, 0));
  CLUSTERKIT_ASSIGN_OR_RETURN(const std::string text, c.Word(1, "present or missing"));
  if (text != "present" && text != "missing") {
    return absl::InvalidArgumentError("data is present or missing");
  }
  if (workload_ == nullptr) return absl::FailedPreconditionError("there are no hosts");
  workload_->SetDataPresent(name, text == "present");
  return "ok\n";
}

}  // namespace clusterkit::sim
