// Lies: what a node would not say. Everything else that goes wrong is one of sim::Actions.

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "scenarios/runner.h"

namespace clusterkit::scenario {
namespace {

using Output = absl::StatusOr<std::string>;

// lie p2 p1 fail subject=p3 reporters=p2: p2 tells p1 what it does not believe.
Output Lie(WorldPtr& world, const sim::Command& c) {
  CLUSTERKIT_ASSIGN_OR_RETURN(const std::string from, c.Word(0, "the liar"));
  CLUSTERKIT_ASSIGN_OR_RETURN(const std::string to, c.Word(1, "the listener"));
  CLUSTERKIT_ASSIGN_OR_RETURN(const std::string what, c.Word(2, "the kind of message"));
  if (what != "fail") return absl::InvalidArgumentError("only lies of kind fail are known");
  const std::optional<Header> header = world->LastHeader(from, to);
  if (!header) return absl::InvalidArgumentError(absl::StrCat(from, " never wrote to ", to));
  FailNotice notice;
  CLUSTERKIT_ASSIGN_OR_RETURN(const sim::Name subject, world->Known(c.Named("subject", "")));
  notice.subject = world->cluster().IdOf(subject);
  for (const std::string& word :
       std::vector<std::string>(absl::StrSplit(c.Named("reporters", ""), ','))) {
    CLUSTERKIT_ASSIGN_OR_RETURN(const sim::Name reporter, world->Known(word));
    notice.reporters.push_back(world->cluster().IdOf(reporter));
  }
  std::sort(notice.reporters.begin(), notice.reporters.end());
  CLUSTERKIT_RETURN_IF_ERROR(world->cluster().Inject(from, to, Message{*header, notice}));
  return "ok\n";
}

}  // namespace

void AddLies(Handlers& handlers) { handlers["lie"] = {Lie}; }

}  // namespace clusterkit::scenario
