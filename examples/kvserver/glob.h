#ifndef KVSERVER_GLOB_H_
#define KVSERVER_GLOB_H_

#include <string_view>

namespace kv {

// Redis's patterns: * ? [abc] [^a-c] and \ to take the next character as it is. Takes time
// proportional to pattern times text at worst, however many stars there are.
bool GlobMatches(std::string_view pattern, std::string_view text, bool ignore_case = false);

}  // namespace kv

#endif  // KVSERVER_GLOB_H_
