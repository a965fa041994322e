// CLIENT TRACKING and its company. Nobody's reads are tracked here, so these tell that tracking is
// off, and refuse to switch it on.

#include "kvserver/command_util.h"
#include "kvserver/text.h"

namespace kv {
namespace {

// False: an option that Redis does not know, or one without its argument.
bool OptionsAreKnown(Args options) {
  for (size_t i = 0; i < options.size(); ++i) {
    const std::string_view option = options[i];
    const bool takes_argument =
        EqualsIgnoreCase(option, "REDIRECT") || EqualsIgnoreCase(option, "PREFIX");
    if (takes_argument && i + 1 < options.size()) {
      ++i;
    } else if (!EqualsIgnoreCase(option, "BCAST") && !EqualsIgnoreCase(option, "OPTIN") &&
               !EqualsIgnoreCase(option, "OPTOUT") && !EqualsIgnoreCase(option, "NOLOOP")) {
      return false;
    }
  }
  return true;
}

void Tracking(CommandContext& context) {
  const bool on = EqualsIgnoreCase(context.args[2], "ON");
  if (!OptionsAreKnown(context.args.subspan(3)) ||
      (!on && !EqualsIgnoreCase(context.args[2], "OFF"))) {
    return ReplySyntaxError(context);
  }
  if (on) return context.reply.Error("ERR kvserver has no client side caching");
  context.reply.Ok();
}

void Caching(CommandContext& context) {
  context.reply.Error(
      "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or "
      "OPTOUT mode enabled");
}

void TrackingInfo(CommandContext& context) {
  context.reply.Map(3);
  context.reply.Bulk("flags");
  context.reply.Set(1);
  context.reply.Bulk("off");
  context.reply.Bulk("redirect");
  context.reply.Integer(-1);
  context.reply.Bulk("prefixes");
  context.reply.Array(0);
}

void GetRedirection(CommandContext& context) { context.reply.Integer(-1); }

}  // namespace

void AddClientTrackingCommands(CommandTable& table) {
  constexpr uint32_t kFlags = kNoScript | kLoading | kStale;
  // clang-format off
  const CommandSpec specs[] = {
      {"client|caching", 3, kFlags, kCatConnection, {}, Caching, "connection", "6.0.0",
       "Instruct the server about tracking or not keys in the next request"},
      {"client|getredir", 2, kFlags, kCatConnection, {}, GetRedirection, "connection", "6.0.0",
       "Get tracking notifications redirection client ID if any"},
      {"client|tracking", -3, kFlags, kCatConnection, {}, Tracking, "connection", "6.0.0",
       "Enable or disable server assisted client side caching support"},
      {"client|trackinginfo", 2, kFlags, kCatConnection, {}, TrackingInfo, "connection", "6.2.0",
       "Return information about server assisted client side caching for the current connection"},
  };
  // clang-format on
  for (const CommandSpec& spec : specs) table.AddSubcommand("client", spec);
}

}  // namespace kv
