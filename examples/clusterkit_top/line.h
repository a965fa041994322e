// A line of a picture: cells of one printable ASCII character each, with a style. What a style
// looks like is for whoever draws it.

#ifndef CLUSTERKIT_EXAMPLES_CLUSTERKIT_TOP_LINE_H_
#define CLUSTERKIT_EXAMPLES_CLUSTERKIT_TOP_LINE_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace clusterkit_top {

struct Style {
  enum class Tone { kText, kSoft, kGood, kWarn, kBad, kInfo } tone = Tone::kText;
  bool bold = false;
  bool marked = false;  // Of what is selected.
  bool solid = false;   // A block of colour; the character says the same where there is none.
  int shard = -1;       // In the colour of this shard.
  friend bool operator==(const Style&, const Style&) = default;
};

inline constexpr Style kText{};
inline constexpr Style kSoft{.tone = Style::Tone::kSoft};
inline constexpr Style kGood{.tone = Style::Tone::kGood};
inline constexpr Style kWarn{.tone = Style::Tone::kWarn};
inline constexpr Style kBad{.tone = Style::Tone::kBad};
inline constexpr Style kInfo{.tone = Style::Tone::kInfo};
inline constexpr Style kBold{.bold = true};

struct Cell {
  char glyph = ' ';
  Style style;
};

class Line {
 public:
  Line() = default;
  Line(std::string_view text, Style style) { Add(text, style); }

  Line& Add(std::string_view text, Style style = kText);
  // The same, `width` wide: cut or filled up at its end; of AddRight, filled up before it.
  Line& AddLeft(std::string_view text, size_t width, Style style = kText);
  Line& AddRight(std::string_view text, size_t width, Style style = kText);
  Line& Append(const Line& other);
  // Fills up with blanks to this width; more is cut.
  Line& Fit(size_t width);
  void Mark();  // All of it.

  size_t size() const { return cells_.size(); }
  const std::vector<Cell>& cells() const { return cells_; }
  std::string Text() const;  // Without blanks at the end.

 private:
  std::vector<Cell> cells_;
};

using Lines = std::vector<Line>;

}  // namespace clusterkit_top

#endif  // CLUSTERKIT_EXAMPLES_CLUSTERKIT_TOP_LINE_H_
