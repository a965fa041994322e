// Whether bytes are text.

#ifndef CLUSTERKIT_SRC_BASE_UTF8_H_
#define CLUSTERKIT_SRC_BASE_UTF8_H_

#include <string_view>

namespace clusterkit {

// Well-formed UTF-8: shortest forms only, no surrogates, nothing above U+10FFFF.
bool IsUtf8(std::string_view text);

}  // namespace clusterkit

#endif  // CLUSTERKIT_SRC_BASE_UTF8_H_
