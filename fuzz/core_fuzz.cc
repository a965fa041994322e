// The protocol driven by bytes: they choose what happens next to a handful of nodes, and checkers
// watch what the nodes send, save and serve.
//
// The first two bytes choose what there is, and how far it may go:
//   faults     messages late or lost, links broken, slow disks, crashes: all promises must hold;
//   operators  also commands by which an operator can set nodes at odds with each other;
//   liars      also frames that no honest node would send.
// In the last two the nodes may be wrong about each other, but each still keeps its own promises.

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>

#include "absl/time/time.h"
#include "clusterkit/node_core.h"
#include "core/bytes.h"
#include "core/lies.h"
#include "core/world.h"

namespace {

using clusterkit::Epoch;
using clusterkit::Instant;
using clusterkit::LinkDownCause;
using clusterkit::LinkId;
using clusterkit::NodeCore;
using clusterkit::NodeId;
using clusterkit::Options;
using clusterkit::ReplicationStatus;
using clusterkit::fuzz::Bytes;
using clusterkit::fuzz::Liar;
using clusterkit::fuzz::Setup;
using clusterkit::fuzz::World;

enum class Mode : uint8_t { kFaults, kOperators, kLiars };

// 10 ms to 4 s.
absl::Duration Time(uint8_t choice) {
  if (choice < 100) return absl::Milliseconds(10 + choice * 10);
  return absl::Milliseconds(1000 + (choice - 100) * 20);
}

// How late nodes that are due may be ticked.
constexpr absl::Duration kFine = absl::Milliseconds(1), kCoarse = absl::Milliseconds(250);

class Run {
 public:
  Run(Mode mode, const Setup& setup, Bytes bytes) : mode_(mode), bytes_(bytes), world_(setup) {
    if (mode != Mode::kFaults) world_.Distrust();
  }

  void All() {
    while (!bytes_.empty() && !world_.Exhausted()) Step();
  }

 private:
  size_t Node() { return bytes_.Below(world_.size()); }

  void Step() {
    const uint8_t choice = bytes_.Next();
    switch (choice % 16) {
      case 0:
        return world_.Run(Time(bytes_.Next()), choice >= 128 ? kFine : kCoarse);
      case 1:
        return world_.Advance(Time(bytes_.Next()));
      case 2:
        return world_.Tick(Node());
      case 3: {
        const size_t node = Node();
        return world_.Deliver(node, bytes_.Next());
      }
      case 4:
        return world_.Saved(Node());
      case 5:
        return BreakLink();
      case 6: {
        uint64_t cuts = 0;
        for (int i = 0; i < 5; ++i) cuts = cuts << 8 | bytes_.Next();
        return world_.SetCuts(cuts);
      }
      case 7:
        // One node on its own, or all together.
        return Isolate(bytes_.Below(world_.size() + 1));
      case 8: {
        const uint8_t how = bytes_.Next();
        return world_.Crash(how % world_.size(), (how & 0x80) != 0, (how & 0x40) != 0,
                            (how & 0x20) != 0);
      }
      case 9:
        return world_.Restart(Node());
      case 10: {
        const uint8_t what = bytes_.Next();
        const bool on = (what & 0x40) != 0;
        if (what >= 128) return world_.SetSlowDisk(what % world_.size(), on);
        return world_.SetPaused(what % world_.size(), on);
      }
      case 11:
        return ReportFromHost();
      case 12:
        return mode_ == Mode::kFaults ? HarmlessCommand() : Command();
      default:
        if (mode_ == Mode::kLiars) return Lie();
        return world_.Run(Time(choice), kCoarse * 2);
    }
  }

  void BreakLink() {
    constexpr LinkDownCause kCauses[] = {LinkDownCause::kReset, LinkDownCause::kTimeout,
                                         LinkDownCause::kOverflow, LinkDownCause::kLocal,
                                         LinkDownCause::kRefused};
    const size_t node = Node();
    const size_t link = bytes_.Next();
    world_.Break(node, link, kCauses[bytes_.Below(std::size(kCauses))]);
  }

  void Isolate(size_t node) {
    uint64_t cuts = 0;
    for (size_t i = 0; node < world_.size() && i < world_.size(); ++i) {
      cuts |= uint64_t{1} << (node * world_.size() + i) | uint64_t{1} << (i * world_.size() + node);
    }
    world_.SetCuts(cuts);
  }

  void ReportFromHost() {
    const uint8_t what = bytes_.Next();
    const size_t node = what % world_.size();
    switch (what >> 5) {
      case 0:
        return world_.Feed(node, [](NodeCore& core, Instant now) { core.ReportHostAlive(now); });
      case 1:
      case 2:
        return world_.Feed(node, [&](NodeCore& core, Instant now) {
          core.ReportDataPresent(what >> 5 == 1, now);
        });
      case 3:
        return world_.Report(node, [&](ReplicationStatus& status) {
          status.since_last_io = Time(bytes_.Next()) * 10;
        });
      case 4:
        return world_.Report(node, [](ReplicationStatus& status) { status.link_up = false; });
      case 5:
        return world_.Report(node, [&](ReplicationStatus& status) {
          status.progress.synced = (bytes_.Next() & 1) != 0;
        });
      default:
        return world_.Report(node, [&](ReplicationStatus& status) {
          status.progress.offset += bytes_.Next();
          status.progress.synced = status.link_up = true;
          status.since_last_io = absl::ZeroDuration();
        });
    }
  }

  // What changes no voter and no claim by itself.
  void HarmlessCommand() {
    const size_t node = Node();
    const uint8_t what = bytes_.Next();
    const NodeId other = world_.IdOf((what >> 4) % world_.size());
    world_.Command(node, [&](NodeCore& core, Instant now) {
      switch (what % 5) {
        case 0:
          return core.Meet(world_.OptionsOf((what >> 4) % world_.size()).bus, now);
        case 1:
          return core.Replicate(other, now);
        case 2:
          return core.OverruleDataGuard(now);
        case 3:
          core.EndAuthority();
          return absl::OkStatus();
        default: {
          Options options = core.options();
          options.no_failover = (what & 0x10) != 0;
          options.allow_replica_migration = (what & 0x20) != 0;
          options.guard_missing_data = (what & 0x40) != 0;
          options.allow_reads_when_down = (what & 0x80) != 0;
          return core.Reconfigure(options, now);
        }
      }
    });
  }

  void Command() {
    const size_t node = Node();
    const uint8_t what = bytes_.Next();
    if (!world_.Running(node)) return;
    Liar draw(world_, node, bytes_);
    world_.Command(node, [&](NodeCore& core, Instant now) {
      switch (what % 11) {
        case 0:
          return core.Meet(draw.Address(), now);
        case 1:
          return core.AddSlots(draw.Slots(), now);
        case 2:
          return core.RemoveSlots(draw.Slots(), now);
        case 3:
          return core.CompleteImport(draw.Slots(), now);
        case 4:
          return core.Replicate(draw.Node(), now);
        case 5:
          return core.Forget(draw.Node(), now);
        case 6:
          return core.Reset(
              what >= 128 ? clusterkit::ResetMode::kHard : clusterkit::ResetMode::kSoft, now);
        case 7:
          return core.SetConfigEpoch(draw.AnyEpoch(), now);
        case 8:
          return core.OverruleDataGuard(now);
        case 9:
          core.BumpEpoch(now);
          return absl::OkStatus();
        default:
          return core.Reconfigure(AnyOptions(core.options()), now);
      }
    });
  }

  Options AnyOptions(Options options) {
    const uint8_t flags = bytes_.Next();
    options.node_timeout = Time(bytes_.Next());
    options.crash_evidence = (flags & 1) != 0;
    options.crash_evidence_grace = absl::Milliseconds(flags & 2 ? 500 : 0);
    options.no_failover = (flags & 4) != 0;
    options.allow_replica_migration = (flags & 8) != 0;
    options.guard_missing_data = (flags & 16) != 0;
    options.require_full_coverage = (flags & 32) != 0;
    options.replica_validity_factor = flags >> 6;
    if (options.replica_validity_factor == 3) options.host_stall_timeout = options.node_timeout;
    options.max_gossip_entries = 1 + flags % 4;
    options.forget_ban = Time(bytes_.Next());
    return options;
  }

  void Lie() {
    const uint8_t how = bytes_.Next();
    const size_t node = how % world_.size();
    if (how >= 240) return world_.AcceptStranger(node);
    const size_t link = bytes_.Next();
    const std::optional<LinkId> id = world_.LinkOf(node, link);
    if (!id) return;
    Liar liar(world_, node, bytes_);
    world_.Inject(node, link, liar.Say(world_.PeerOf(node, *id)));
  }

  const Mode mode_;
  Bytes bytes_;
  World world_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes bytes(data, size);
  const auto mode = static_cast<Mode>(bytes.Below(3));
  const uint8_t choice = bytes.Next();
  Setup setup;
  // One is enough for a failover; siblings compete.
  setup.replicas = (choice & 3) == 3 ? 2 : 1;
  setup.full_coverage = (choice & 0x1c) == 0x1c;
  setup.crash_evidence = (choice & 0x20) == 0;
  setup.formats = (choice & 0xc0) == 0xc0;
  Run(mode, setup, bytes).All();
  return 0;
}
