#ifndef KVSERVER_COMMAND_UTIL_H_
#define KVSERVER_COMMAND_UTIL_H_

#include <cstdint>
#include <string_view>

#include "kvserver/command_context.h"
#include "kvserver/text.h"

namespace kv {

// What several command files share. Functions that return false have written an error reply.

void ReplySyntaxError(CommandContext& context);
void ReplyArityError(CommandContext& context);
// A subcommand whose arguments do not make sense: "... Try CLIENT HELP."
void ReplySubcommandError(CommandContext& context);
// The array of lines that "<container> HELP" answers.
void ReplyHelp(CommandContext& context, Args lines);

// "ERR value is not an integer or out of range".
bool IntegerArg(CommandContext& context, std::string_view arg, int64_t* value);
// "ERR value is out of range, must be positive"; 0 is fine too.
bool CountArg(CommandContext& context, std::string_view arg, int64_t* count);
// An integer whose negative is one too.
bool SymmetricArg(CommandContext& context, std::string_view arg, int64_t* value);
bool DoubleArg(CommandContext& context, std::string_view arg, double* value,
               std::string_view error = "ERR value is not a valid float");
// Milliseconds that a client is ready to wait; 0: for ever.
bool TimeoutArg(CommandContext& context, std::string_view arg, int64_t* timeout_ms);
// The same for commands that wait for keys: seconds, with a fraction.
bool SecondsArg(CommandContext& context, std::string_view arg, int64_t* timeout_ms);
// "<number of keys> key [key ...] FIRST|LAST [COUNT count]" from an argument on, as LMPOP and ZMPOP
// have it.
struct PopRequest {
  Args keys;
  bool first_end = true;  // or the last
  size_t count = 1;
};
bool ParsePopRequest(CommandContext& context, size_t from, std::string_view first_word,
                     std::string_view last_word, PopRequest* request);
// Names are shown in lists, one per line and separated by blanks, so they must not contain any.
bool IsValidName(std::string_view name);

// Finds a value of a type; `*entry` is null if the key is absent. False: it has another type.
// The first form counts a hit or miss, the second prepares the entry for a change.
bool FindTyped(CommandContext& context, std::string_view key, ValueType type, Entry** entry);
bool FindTypedForWrite(CommandContext& context, std::string_view key, ValueType type,
                       Entry** entry);
// The same for the type of a container; `*value` is null if the key is absent.
bool FindList(CommandContext& context, std::string_view key, const ListValue** value);
bool FindSet(CommandContext& context, std::string_view key, const SetValue** value);
bool FindHash(CommandContext& context, std::string_view key, const HashValue** value);
bool FindSortedSet(CommandContext& context, std::string_view key, const SortedSetValue** value);
inline bool FindString(CommandContext& context, std::string_view key, Entry** entry) {
  return FindTyped(context, key, ValueType::kString, entry);
}
inline bool FindStringForWrite(CommandContext& context, std::string_view key, Entry** entry) {
  return FindTypedForWrite(context, key, ValueType::kString, entry);
}
// As FindTypedForWrite, but makes an empty value if there is none. A container must not stay so.
bool UpsertTyped(CommandContext& context, std::string_view key, ValueType type, Entry** entry);
// "WRONGTYPE ..."
void ReplyWrongType(CommandContext& context);
// Deletes the key of a container that has become empty.
void EraseIfEmpty(CommandContext& context, Entry* entry);

// Puts a container under the key, without expiry, and answers its size; deletes the key instead if
// it is empty.
void StoreContainer(CommandContext& context, std::string_view key, Value value);

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
