#include "kvserver/command_feed.h"

#include <algorithm>
#include <chrono>
#include <string>

#include "absl/strings/str_format.h"
#include "kvserver/client.h"
#include "kvserver/executor.h"
#include "kvserver/text.h"

namespace kv {
namespace {

// From here on the arguments are names and passwords; as many as there are if nothing is secret.
size_t FirstSecret(const Request& request) {
  if (request.spec->name == "auth") return 1;
  for (size_t i = 1; i < request.args.size(); ++i) {
    const bool sign_on =
        EqualsIgnoreCase(request.args[i], "AUTH") || EqualsIgnoreCase(request.args[i], "AUTH2");
    if (sign_on && (request.spec->name == "hello" || request.spec->name == "migrate")) return i + 1;
  }
  return request.args.size();
}

std::string LineOf(const Client& from, const Request& request) {
  const int64_t now_us = std::chrono::duration_cast<std::chrono::microseconds>(
                             std::chrono::system_clock::now().time_since_epoch())
                             .count();
  std::string line =
      absl::StrFormat("%d.%06d [0 %s]", now_us / 1'000'000, now_us % 1'000'000, from.address);
  const size_t secret = FirstSecret(request);
  for (size_t i = 0; i < request.args.size(); ++i) {
    line.append(" ").append(i < secret ? Quote(request.args[i]) : "\"(redacted)\"");
  }
  return line;
}

}  // namespace

Monitoring::Monitoring(CommandFeed& feed, Client& client) : feed_(feed), client_(client) {
  feed_.listeners_.push_back(&client_);
}

Monitoring::~Monitoring() { std::erase(feed_.listeners_, &client_); }

void CommandFeed::TellAll(const Client& from, const Request& request) {
  if ((request.spec->flags & (kAdmin | kHidden)) != 0) return;
  const std::string line = LineOf(from, request);
  for (Client* listener : listeners_) {
    std::string bytes;
    ReplyWriter(&bytes, listener->protocol).Simple(line);
    host_.Push(listener->id, bytes);
  }
}

}  // namespace kv
