#include "clusterkit_top/line.h"

namespace clusterkit_top {

Line& Line::Add(std::string_view text, Style style) {
  for (const char glyph : text) cells_.push_back({glyph, style});
  return *this;
}

Line& Line::AddLeft(std::string_view text, size_t width, Style style) {
  const size_t end = cells_.size() + width;
  return Add(text.substr(0, width), style).Fit(end);
}

Line& Line::AddRight(std::string_view text, size_t width, Style style) {
  text = text.substr(0, width);
  return Fit(cells_.size() + width - text.size()).Add(text, style);
}

Line& Line::Append(const Line& other) {
  cells_.insert(cells_.end(), other.cells_.begin(), other.cells_.end());
  return *this;
}

Line& Line::Fit(size_t width) {
  cells_.resize(width);
  return *this;
}

void Line::Mark() {
  for (Cell& cell : cells_) cell.style.marked = true;
}

std::string Line::Text() const {
  std::string text;
  for (const Cell& cell : cells_) text += cell.glyph;
  text.resize(text.find_last_not_of(' ') + 1);
  return text;
}

}  // namespace clusterkit_top
