#include "scenarios/world.h"

#include <algorithm>
#include <regex>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/strings.h"
#include "clusterkit/describe.h"
#include "clusterkit/node_core.h"

namespace clusterkit::scenario {
namespace {

const std::set<std::string>& EventKinds() {
  static const auto* kinds = new std::set<std::string>{
      "health",     "suspicion", "election", "vote",    "role",    "slots", "state",   "epoch",
      "membership", "guard",     "halt",     "address", "details", "move",  "handover"};
  return *kinds;
}

struct KindVisitor {
  const char* operator()(const NodeAdded&) const { return "membership"; }
  const char* operator()(const NodeRemoved&) const { return "membership"; }
  const char* operator()(const PeerRefused&) const { return "membership"; }
  const char* operator()(const MeetFailed&) const { return "membership"; }
  const char* operator()(const VotingChanged&) const { return "vote"; }
  const char* operator()(const ForgottenByPeer&) const { return "membership"; }
  const char* operator()(const AddressChanged&) const { return "address"; }
  const char* operator()(const NodeDetailsChanged&) const { return "details"; }
  const char* operator()(const HealthChanged&) const { return "health"; }
  const char* operator()(const SuspicionHeard&) const { return "suspicion"; }
  const char* operator()(const RoleChanged&) const { return "role"; }
  const char* operator()(const SlotsRebound&) const { return "slots"; }
  const char* operator()(const ClusterStateChanged&) const { return "state"; }
  const char* operator()(const ConfigEpochChanged&) const { return "epoch"; }
  const char* operator()(const ElectionNotEligible&) const { return "election"; }
  const char* operator()(const ElectionScheduled&) const { return "election"; }
  const char* operator()(const ElectionStarted&) const { return "election"; }
  const char* operator()(const ElectionEnded&) const { return "election"; }
  const char* operator()(const VoteDenied&) const { return "vote"; }
  const char* operator()(const VoteCast&) const { return "vote"; }
  const char* operator()(const HostStalled&) const { return "guard"; }
  const char* operator()(const DataGuardChanged&) const { return "guard"; }
  const char* operator()(const Halted&) const { return "halt"; }
  const char* operator()(const SlotMigrationChanged&) const { return "move"; }
  const char* operator()(const SlotTransferDue&) const { return "move"; }
  const char* operator()(const SlotMoveProgress&) const { return "move"; }
  const char* operator()(const SlotMoveEnded&) const { return "move"; }
  const char* operator()(const WritePauseChanged&) const { return "handover"; }
  const char* operator()(const FailoverProgress&) const { return "handover"; }
  const char* operator()(const Departed&) const { return "handover"; }
};

// "126.6666665ms" as "127ms": nobody reads the rest.
std::string RoundMilliseconds(const std::string& text) {
  static const auto* pattern = new std::regex("([0-9]+)\\.([0-9])[0-9]*ms");
  std::string rounded;
  std::smatch match;
  auto from = text.cbegin();
  while (std::regex_search(from, text.cend(), match, *pattern)) {
    rounded.append(from, match[0].first);
    absl::StrAppend(&rounded, std::stoll(match[1]) + (*match[2].first >= '5' ? 1 : 0), "ms");
    from = match[0].second;
  }
  return rounded.append(from, text.cend());
}

std::string FrameKind(const Frame& frame) {
  if (std::holds_alternative<Hello>(frame)) return "hello";
  if (std::holds_alternative<Goodbye>(frame)) return "goodbye";
  return std::string(MessageKindName(KindOf(std::get<Message>(frame))));
}

}  // namespace

std::string KindOfEvent(const Event& event) { return std::visit(KindVisitor(), event); }

absl::StatusOr<Shown> ParseShown(const sim::Command& command) {
  Shown shown;
  for (const std::string& kind :
       std::vector<std::string>(absl::StrSplit(command.Named("show", "none"), ','))) {
    if (kind == "none") continue;
    if (kind == "all") {
      shown.events = EventKinds();
    } else if (EventKinds().contains(kind)) {
      shown.events.insert(kind);
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat("show=", kind, ": not one of ", absl::StrJoin(EventKinds(), " ")));
    }
  }
  if (const std::string frames = command.Named("frames", ""); !frames.empty()) {
    shown.frames = absl::StrSplit(frames, ',');
  }
  if (const std::string by = command.Named("by", ""); !by.empty()) {
    shown.by = absl::StrSplit(by, ',');
  }
  return shown;
}

World::World(uint64_t seed, const Options& base)
    : base_(base), cluster_(std::make_unique<sim::Cluster>(seed, base)) {
  hosts_ = std::make_unique<sim::DataPlane>(*cluster_);
  actions_ = std::make_unique<sim::Actions>(cluster_.get(), hosts_.get());
  checkers_.Attach(*cluster_);
  checkers_.ExcuseDoubleServing();  // By imports.
  cluster_->AddEventSink([this](const auto& traced) { OnEvent(traced); });
  cluster_->AddFrameSink([this](const auto& traced) {
    OnFrame(traced);
    return true;
  });
}

absl::StatusOr<sim::Name> World::Known(const std::string& name) {
  const std::vector<sim::Name> names = cluster_->names();
  if (std::find(names.begin(), names.end(), name) != names.end()) return name;
  return absl::InvalidArgumentError(absl::StrCat("there is no node ", name));
}

absl::StatusOr<Node*> World::Awake(const std::string& name) {
  const absl::StatusOr<sim::Name> known = Known(name);
  if (!known.ok()) return known.status();
  if (!cluster_->Running(name) || cluster_->Paused(name)) {
    return absl::InvalidArgumentError(absl::StrCat(name, " does not run"));
  }
  return &cluster_->node(name);
}

std::vector<sim::Name> World::AwakeNames() {
  std::vector<sim::Name> names = cluster_->names();
  std::erase_if(names, [this](const sim::Name& name) {
    return !cluster_->Running(name) || cluster_->Paused(name);
  });
  return names;
}

void World::RememberShards() {
  for (const sim::Name& name : AwakeNames()) {
    shard_names_.try_emplace(cluster_->node(name).view()->self().shard, name);
  }
}

sim::Name World::ShardName(const ShardId& shard) {
  RememberShards();
  const auto found = shard_names_.find(shard);
  return found == shard_names_.end() ? shard.ToHex().substr(0, 8) : found->second;
}

std::string World::Clock(Instant at) const {
  return absl::StrFormat("+%.3fs", absl::ToDoubleSeconds(at - clock_start_));
}

void World::OnEvent(const sim::Cluster::TracedEvent& traced) {
  auto& stream = streams_[traced.node];
  if (traced.number == 1) stream.clear();
  stream.emplace(traced.number, traced);
  const auto name = [this](const NodeId& id) { return cluster_->NameOf(id); };
  entries_.push_back({traced.at, KindOfEvent(traced.event), "", traced.node,
                      RoundMilliseconds(Describe(traced.event, name))});
}

std::string World::Story(const sim::Name& node, const std::string& kind) const {
  const auto stream = streams_.find(node);
  if (stream == streams_.end()) return "";
  const std::map<uint64_t, sim::Cluster::TracedEvent>& events = stream->second;
  const auto last = std::find_if(events.rbegin(), events.rend(), [&](const auto& numbered) {
    return KindOfEvent(numbered.second.event) == kind;
  });
  if (last == events.rend()) return "";
  const auto name = [this](const NodeId& id) { return cluster_->NameOf(id); };
  std::string text;
  for (auto at = events.find(last->first); at != events.end(); at = events.find(at->second.cause)) {
    const sim::Cluster::TracedEvent& traced = at->second;
    const std::string cause = traced.cause == 0 ? "" : absl::StrCat(", because of #", traced.cause);
    text = absl::StrCat("#", traced.number, " ", RoundMilliseconds(Describe(traced.event, name)),
                        cause, "\n", text);
  }
  return text;
}

void World::OnFrame(const sim::Cluster::TracedFrame& traced) {
  const auto name = [this](const NodeId& id) { return cluster_->NameOf(id); };
  if (const auto* message = std::get_if<Message>(traced.frame)) {
    headers_[{traced.from, traced.to}] = message->header;
  }
  entries_.push_back(
      {traced.at, "frame", FrameKind(*traced.frame), traced.from,
       absl::StrCat("to ", traced.to, ": ", RoundMilliseconds(Describe(*traced.frame, name)))});
}

std::optional<Header> World::LastHeader(const sim::Name& from, const sim::Name& to) const {
  const auto found = headers_.find({from, to});
  if (found == headers_.end()) return std::nullopt;
  return found->second;
}

// The same event at several nodes within a millisecond is one line.
std::string World::Timeline(const Shown& shown) {
  struct Line {
    std::string clock, text;
    std::vector<sim::Name> nodes;
  };
  std::vector<Line> lines;
  for (const Entry& entry : std::exchange(entries_, {})) {
    const bool frame = entry.kind == "frame";
    const bool wanted = frame ? shown.frames.contains(entry.frame) || shown.frames.contains("all")
                              : shown.events.contains(entry.kind);
    if (!wanted || (!shown.by.empty() && !shown.by.contains(entry.node))) continue;
    const std::string clock = Clock(entry.at);
    const auto same = std::find_if(lines.begin(), lines.end(), [&](const Line& line) {
      return line.clock == clock && line.text == entry.text;
    });
    if (same == lines.end()) {
      lines.push_back({clock, entry.text, {entry.node}});
    } else if (same->nodes.back() != entry.node) {
      same->nodes.push_back(entry.node);
    }
  }
  std::string text;
  for (const Line& line : lines) {
    absl::StrAppend(&text, line.clock, " ", absl::StrJoin(line.nodes, " "),
                    absl::StartsWith(line.text, "to ") ? " " : ": ", line.text, "\n");
  }
  return text;
}

}  // namespace clusterkit::scenario
