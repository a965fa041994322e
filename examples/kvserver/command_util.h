#ifndef KVSERVER_COMMAND_UTIL_H_
#define KVSERVER_COMMAND_UTIL_H_

#include <charconv>
#include <cstdint>
#include <string_view>

#include "kvserver/command_context.h"

namespace kv {

// What several command files share. Functions that return false have written an error reply.

// The decimal form of a number, for propagation.
class Digits {
 public:
  explicit Digits(int64_t value)
      : end_(std::to_chars(buffer_, buffer_ + sizeof(buffer_), value).ptr) {}
  std::string_view view() const { return {buffer_, static_cast<size_t>(end_ - buffer_)}; }

 private:
  char buffer_[24];
  char* end_;
};

void ReplySyntaxError(CommandContext& context);
void ReplyArityError(CommandContext& context);
// The array of lines that "<container> HELP" answers.
void ReplyHelp(CommandContext& context, Args lines);

// "ERR value is not an integer or out of range".
bool IntegerArg(CommandContext& context, std::string_view arg, int64_t* value);
// Milliseconds that a client is ready to wait; 0: for ever.
bool TimeoutArg(CommandContext& context, std::string_view arg, int64_t* timeout_ms);
// Names are shown in lists, one per line and separated by blanks, so they must not contain any.
bool IsValidName(std::string_view name);

// Finds a string value; `*entry` is null if the key is absent. False: it has another type.
// The first form counts a hit or miss, the second prepares the entry for a change.
bool FindString(CommandContext& context, std::string_view key, Entry** entry);
bool FindStringForWrite(CommandContext& context, std::string_view key, Entry** entry);

// Sets key to a string, without expiry unless `keep_expiry`.
Entry* StoreString(CommandContext& context, std::string_view key, std::string_view value,
                   bool keep_expiry = false);

// How a command gives a time to live.
struct ExpiryUnit {
  bool seconds = true;
  bool absolute = false;
  friend bool operator==(const ExpiryUnit&, const ExpiryUnit&) = default;
};
// Turns a positive time to live into unix milliseconds, or "ERR invalid expire time in '...'".
bool ExpiryArg(CommandContext& context, std::string_view arg, ExpiryUnit unit, int64_t* unix_ms);

}  // namespace kv

#endif  // KVSERVER_COMMAND_UTIL_H_
