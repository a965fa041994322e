// The names under which exporters show the figures of metrics.h.

#include <type_traits>
#include <utility>

#include "clusterkit/describe.h"
#include "clusterkit/metrics.h"
#include "model/describe_text.h"

namespace clusterkit {
namespace {

using Type = NamedMetric::Type;

std::string_view LabelOf(FrameRefusal reason) { return Describe(reason); }
std::string_view LabelOf(FrameDrop reason) { return Describe(reason); }
std::string_view LabelOf(LinkDownCause cause) { return Describe(cause); }
std::string_view LabelOf(Goodbye::Reason reason) { return internal::GoodbyeText(reason); }
std::string_view LabelOf(VoteRefusal refusal) { return Describe(refusal); }
std::string_view LabelOf(ElectionStarted::Cause cause) { return Describe(cause); }

std::string_view LabelOf(HealthChanged::Cause cause) {
  switch (cause) {
    case HealthChanged::Cause::kSilence:
      return "pfail by silence";
    case HealthChanged::Cause::kCrashEvidence:
      return "pfail by crash evidence";
    case HealthChanged::Cause::kReports:
      return "fail by reports";
    case HealthChanged::Cause::kNotice:
      return "fail by notice";
    case HealthChanged::Cause::kAnswered:
      return "online";
  }
  return "unknown";
}

std::string_view LabelOf(ElectionEnded::How how) {
  switch (how) {
    case ElectionEnded::How::kWon:
      return "won";
    case ElectionEnded::How::kTimeout:
      return "timeout";
    case ElectionEnded::How::kRefused:
      return "refused";
    case ElectionEnded::How::kPrimaryBack:
      return "primary is back";
    case ElectionEnded::How::kOvertaken:
      return "overtaken";
  }
  return "unknown";
}

std::string_view LabelOf(ConfigEpochChanged::Cause cause) {
  switch (cause) {
    case ConfigEpochChanged::Cause::kElection:
      return "election";
    case ConfigEpochChanged::Cause::kCollision:
      return "collision";
    case ConfigEpochChanged::Cause::kImport:
      return "import";
    case ConfigEpochChanged::Cause::kCommand:
      return "command";
  }
  return "unknown";
}

class Lister {
 public:
  void Counter(std::string_view name, std::string_view help, uint64_t value) {
    Add(Type::kCounter, name, help).value = static_cast<double>(value);
  }
  template <typename Number>
  void Gauge(std::string_view name, std::string_view help, Number value) {
    Add(Type::kGauge, name, help).value = static_cast<double>(value);
  }
  void Times(std::string_view name, std::string_view help, const Histogram& histogram) {
    Add(Type::kHistogram, name, help).histogram = &histogram;
  }
  // `first`: 1 leaves out a value that stands for success.
  template <typename Enum, size_t kSize>
  void Counters(std::string_view name, std::string_view help, std::string_view label,
                const CountBy<Enum, kSize>& counts, size_t first = 0) {
    for (size_t i = first; i < kSize; ++i) {
      const auto value = static_cast<Enum>(i);
      NamedMetric& metric = Add(Type::kCounter, name, help);
      metric.label = label;
      metric.label_value = LabelOf(value);
      metric.value = static_cast<double>(counts[value]);
    }
  }
  void Frames(std::string_view name, std::string_view help,
              const std::array<Metrics::Traffic, kFrameKinds>& traffic,
              uint64_t Metrics::Traffic::*field) {
    for (size_t i = 0; i < kFrameKinds; ++i) {
      NamedMetric& metric = Add(Type::kCounter, name, help);
      metric.label = "kind";
      metric.label_value = FrameKindName(static_cast<FrameKind>(i));
      metric.value = static_cast<double>(traffic[i].*field);
    }
  }
  std::vector<NamedMetric> Take() { return std::move(list_); }

 private:
  NamedMetric& Add(Type type, std::string_view name, std::string_view help) {
    NamedMetric metric;
    metric.type = type;
    metric.name = name;
    metric.help = help;
    list_.push_back(metric);
    return list_.back();
  }
  std::vector<NamedMetric> list_;
};

void ListTraffic(const Metrics& m, Lister& list) {
  using Traffic = Metrics::Traffic;
  list.Frames("frames_sent", "Frames given to the transport.", m.sent, &Traffic::frames);
  list.Frames("bytes_sent", "Encoded bytes of frames sent.", m.sent, &Traffic::bytes);
  list.Frames("frames_received", "Frames that could be read.", m.received, &Traffic::frames);
  list.Frames("bytes_received", "Encoded bytes of frames received.", m.received, &Traffic::bytes);
  list.Counter("bytes_unreadable", "Bytes of frames that could not be read.", m.bytes_unreadable);
  list.Counters("frames_refused", "Frames that arrived and were not listened to.", "reason",
                m.frames_refused);
  list.Counters("frames_dropped", "Messages that were to be sent and were not.", "reason",
                m.frames_dropped);
  list.Counter("links_dialled", "Links that this node began.", m.links_dialled);
  list.Counter("links_accepted", "Links that peers began.", m.links_accepted);
  list.Counter("links_closed", "Links that this node closed.", m.links_closed);
  list.Counters("links_ended", "Links that ended otherwise, failed dials included.", "cause",
                m.links_ended);
  list.Counters("links_refused", "Links refused with a reason, by either side.", "reason",
                m.links_refused);
}

void ListProtocol(const Metrics& m, Lister& list) {
  list.Times("ping_round_trip_seconds", "From a ping to its answer.", m.ping_round_trip);
  list.Counters("health_changes", "Changes of the health of other nodes.", "to", m.health_changes);
  list.Counter("suspicions_heard", "Suspicions that voters told directly.", m.suspicions_heard);
  list.Counter("suspicions_retracted", "Suspicions that voters took back.", m.suspicions_retracted);
  list.Times("pfail_to_fail_seconds", "From own suspicion to agreement.", m.pfail_to_fail);
  list.Counters("elections_started", "Requests for votes by this node.", "cause",
                m.elections_started);
  list.Counters("elections_won", "Elections won, by what they were begun for.", "cause",
                m.elections_won);
  list.Counters("elections_ended", "Elections ended.", "how", m.elections_ended);
  list.Counters("votes_denied", "Votes refused to this node.", "reason", m.votes_denied, 1);
  list.Times("fail_to_election_seconds", "From FAIL of the primary to the request for votes.",
             m.fail_to_election);
  list.Times("election_seconds", "From the request for votes to their majority.", m.election);
  list.Times("failover_seconds", "From FAIL of the primary, or the command, to the promotion.",
             m.failover);
  list.Times("convergence_majority_seconds",
             "From the same moment to a majority of voters that hold the new claim.",
             m.convergence_majority);
  list.Times("convergence_all_seconds",
             "From the same moment to all nodes in reach that hold the new claim.",
             m.convergence_all);
  list.Counter("votes_granted", "Votes this node gave.", m.votes_granted);
  list.Counters("votes_refused", "Votes this node refused.", "reason", m.votes_refused, 1);
  list.Counters("epoch_bumps", "Times that the own config epoch grew.", "cause", m.epoch_bumps);
  list.Counter("slots_gained", "Slots that this node came to own.", m.slots_gained);
  list.Counter("slots_lost", "Slots that went from this node to others.", m.slots_lost);
  list.Counter("slots_moved_away", "Slots of moves that were completed.", m.slots_moved_away);
  list.Counter("role_changes", "Changes of the own role or primary.", m.role_changes);
  list.Counter("state_failures", "Times that the cluster's state became fail.", m.state_failures);
  list.Counter("events", "Events told to the host.", m.events);
  list.Counter("saves", "States saved.", m.saves);
  list.Counter("saves_synced", "States saved that something waited for.", m.saves_synced);
  list.Times("save_seconds", "Time to save the state.", m.save);
}

void ListGauges(const Metrics::Gauges& now, Lister& list) {
  list.Gauge("nodes_known", "Nodes known, this one included.", now.nodes_known);
  list.Gauge("nodes_pfail", "Nodes that this one suspects.", now.nodes_pfail);
  list.Gauge("nodes_fail", "Nodes that have failed by agreement.", now.nodes_fail);
  list.Gauge("nodes_linked", "Nodes to which the own link is up.", now.nodes_linked);
  list.Gauge("links_up", "Links that are up, of both directions.", now.links_up);
  list.Gauge("voters", "Nodes with a vote.", now.voters);
  list.Gauge("quorum", "Votes that make a majority.", now.quorum);
  list.Gauge("slots_owned", "Slots of this node.", now.slots_owned);
  list.Gauge("slots_covered", "Slots whose owner has not failed.", now.slots_covered);
  list.Gauge("slots_open", "Slots on their way to or from this node.", now.slots_open);
  list.Gauge("current_epoch", "Greatest epoch seen.", now.current_epoch);
  list.Gauge("config_epoch", "Config epoch of this node, or of its primary.", now.config_epoch);
  list.Gauge("last_vote_epoch", "Epoch of the latest vote given.", now.last_vote_epoch);
  list.Gauge("view_version", "Version of the published view.", now.view_version);
  list.Gauge("lease_seconds", "For how long the own slots may be served; negative: lapsed.",
             static_cast<double>(now.lease_left) * 1e-9);
  list.Gauge("has_lease", "1 once this term has had a lease.", now.has_lease);
  list.Gauge("primary", "1 for a primary.", now.primary);
  list.Gauge("voter", "1 for a node with a vote.", now.voter);
  list.Gauge("abstaining", "1 while the vote may not be used yet.", now.abstaining);
  list.Gauge("state_ok", "1 while the cluster is in state ok.", now.state_ok);
  list.Gauge("campaigning", "1 while votes are asked for.", now.campaigning);
  list.Gauge("host_stalled", "1 while the host does not report that it is alive.",
             now.host_stalled);
  list.Gauge("data_missing", "1 while the data of the own slots is missing.", now.data_missing);
  list.Gauge("queued_bytes", "Bytes that wait to be sent.", now.queued_bytes);
  list.Gauge("held_frames", "Frames that wait for the disk.", now.held_frames);
  list.Gauge("held_events", "Events that wait for the disk.", now.held_events);
}

}  // namespace

std::vector<NamedMetric> ListMetrics(const Metrics& metrics) {
  Lister list;
  ListTraffic(metrics, list);
  ListProtocol(metrics, list);
  ListGauges(metrics.now, list);
  return list.Take();
}

}  // namespace clusterkit
