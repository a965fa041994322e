# Turns a page into a source file: cmake -DIN=page.html -DOUT=page.cc -P embed_page.cmake
file(READ ${IN} page)
file(WRITE ${OUT} "// Generated from status_page.html.
#include <string_view>

namespace kv {
extern const std::string_view kStatusPage;
const std::string_view kStatusPage = R\"page(${page})page\";
}  // namespace kv
")
