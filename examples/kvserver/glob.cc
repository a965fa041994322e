#include "kvserver/glob.h"

#include <cctype>
#include <cstddef>
#include <utility>

namespace kv {
namespace {

unsigned char Fold(char c, bool ignore_case) {
  const auto byte = static_cast<unsigned char>(c);
  return ignore_case ? static_cast<unsigned char>(std::tolower(byte)) : byte;
}

// Matches `c` against the set that starts behind '[' at `*position`, and moves behind its ']'
// (or to the end of the pattern: an unclosed set ends there).
bool SetMatches(std::string_view pattern, size_t* position, char c, bool ignore_case) {
  size_t i = *position;
  const bool negated = i < pattern.size() && pattern[i] == '^';
  if (negated) ++i;
  bool found = false;
  for (; i < pattern.size() && pattern[i] != ']'; ++i) {
    if (pattern[i] == '\\' && i + 1 < pattern.size()) {
      ++i;
      found |= Fold(pattern[i], ignore_case) == Fold(c, ignore_case);
    } else if (i + 2 < pattern.size() && pattern[i + 1] == '-') {
      unsigned char low = Fold(pattern[i], ignore_case);
      unsigned char high = Fold(pattern[i + 2], ignore_case);
      if (low > high) std::swap(low, high);
      found |= Fold(c, ignore_case) >= low && Fold(c, ignore_case) <= high;
      i += 2;
    } else {
      found |= Fold(pattern[i], ignore_case) == Fold(c, ignore_case);
    }
  }
  *position = i < pattern.size() ? i + 1 : i;
  return found != negated;
}

// Matches one pattern element other than '*' and moves behind it.
bool ElementMatches(std::string_view pattern, size_t* position, char c, bool ignore_case) {
  const char element = pattern[(*position)++];
  if (element == '?') return true;
  if (element == '[') return SetMatches(pattern, position, c, ignore_case);
  if (element == '\\' && *position < pattern.size()) {
    return Fold(pattern[(*position)++], ignore_case) == Fold(c, ignore_case);
  }
  return Fold(element, ignore_case) == Fold(c, ignore_case);
}

}  // namespace

bool GlobMatches(std::string_view pattern, std::string_view text, bool ignore_case) {
  size_t p = 0;
  size_t t = 0;
  // Where to go on when a mismatch follows a star: the star takes one more character. Only the
  // last star needs that, which is what keeps the cost bounded.
  bool starred = false;
  size_t star_p = 0;
  size_t star_t = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      starred = true;
      star_p = ++p;
      star_t = t;
      continue;
    }
    size_t next = p;
    if (p < pattern.size() && ElementMatches(pattern, &next, text[t], ignore_case)) {
      p = next;
      ++t;
    } else if (starred) {
      p = star_p;
      t = ++star_t;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace kv
