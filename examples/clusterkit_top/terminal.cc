// The only file that includes ncurses.

#include "clusterkit_top/terminal.h"

#define NCURSES_NOMACROS
#include <ncurses.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "absl/status/status.h"

namespace clusterkit_top {
namespace {

constexpr int kWaitMs = 100;
constexpr int kEscapeMs = 25;

// Numbers of colour pairs: tones from 1, then shards as text, then as blocks.
constexpr short kShardPairs = 16;
constexpr short kShardColors = 12;
constexpr short kTerminalDefault = -1;

// Of 256 colours; where there are fewer, of 8.
constexpr std::array<short, kShardColors> kColors256 = {39,  208, 41,  170, 220, 45,
                                                        203, 112, 141, 180, 81,  168};
constexpr std::array<short, kShardColors> kColors8 = {
    COLOR_BLUE, COLOR_YELLOW, COLOR_GREEN, COLOR_MAGENTA, COLOR_CYAN, COLOR_WHITE,
    COLOR_BLUE, COLOR_YELLOW, COLOR_GREEN, COLOR_MAGENTA, COLOR_CYAN, COLOR_WHITE};

short ColorOf(Style::Tone tone) {
  switch (tone) {
    case Style::Tone::kText:
    case Style::Tone::kSoft:
      return kTerminalDefault;
    case Style::Tone::kGood:
      return COLOR_GREEN;
    case Style::Tone::kWarn:
      return COLOR_YELLOW;
    case Style::Tone::kBad:
      return COLOR_RED;
    case Style::Tone::kInfo:
      return COLOR_CYAN;
  }
  return kTerminalDefault;
}

constexpr std::array kTones = {Style::Tone::kText, Style::Tone::kSoft, Style::Tone::kGood,
                               Style::Tone::kWarn, Style::Tone::kBad,  Style::Tone::kInfo};

void InitColors() {
  start_color();
  use_default_colors();
  for (const Style::Tone tone : kTones) {
    init_pair(static_cast<short>(static_cast<int>(tone) + 1), ColorOf(tone), kTerminalDefault);
  }
  const auto& colors = COLORS >= 256 ? kColors256 : kColors8;
  for (short i = 0; i < kShardColors; ++i) {
    const short color = colors[static_cast<size_t>(i)];
    init_pair(static_cast<short>(kShardPairs + i), color, kTerminalDefault);
    init_pair(static_cast<short>(kShardPairs + kShardColors + i), COLOR_BLACK, color);
  }
}

attr_t AttributesOf(const Style& style, bool color) {
  attr_t attributes = A_NORMAL;
  if (style.bold) attributes |= A_BOLD;
  if (style.tone == Style::Tone::kSoft) attributes |= A_DIM;
  if (style.marked || (style.solid && style.shard < 0)) attributes |= A_REVERSE;
  if (!color) return attributes;
  int pair = static_cast<int>(style.tone) + 1;
  if (style.shard >= 0) {
    pair = kShardPairs + style.shard % kShardColors + (style.solid ? kShardColors : 0);
  }
  return attributes | static_cast<attr_t>(COLOR_PAIR(pair));
}

}  // namespace

struct Terminal::Screen {
  SCREEN* screen = nullptr;
  bool color = false;
};

absl::StatusOr<std::unique_ptr<Terminal>> Terminal::Open(bool color) {
  if (isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0) {
    return absl::FailedPreconditionError("this is no terminal: --once prints one frame");
  }
  SCREEN* const screen = newterm(nullptr, stdout, stdin);
  if (screen == nullptr) {
    return absl::FailedPreconditionError("the terminal (TERM) is not known: try --once");
  }
  cbreak();
  noecho();
  keypad(stdscr, TRUE);
  set_escdelay(kEscapeMs);
  wtimeout(stdscr, 0);
  curs_set(0);
  color = color && has_colors();
  if (color) InitColors();
  return std::unique_ptr<Terminal>(new Terminal(std::make_unique<Screen>(Screen{screen, color})));
}

Terminal::Terminal(std::unique_ptr<Screen> screen) : screen_(std::move(screen)) {}

Terminal::~Terminal() {
  endwin();
  delscreen(screen_->screen);
}

size_t Terminal::width() const { return static_cast<size_t>(std::max(getmaxx(stdscr), 0)); }
size_t Terminal::height() const { return static_cast<size_t>(std::max(getmaxy(stdscr), 0)); }

void Terminal::Draw(const Lines& lines) {
  werase(stdscr);
  for (size_t y = 0; y < std::min(lines.size(), height()); ++y) {
    const std::vector<Cell>& cells = lines[y].cells();
    for (size_t x = 0; x < std::min(cells.size(), width()); ++x) {
      const Style& style = cells[x].style;
      // A reversed blank is a block.
      const char glyph = style.solid && style.shard < 0 ? ' ' : cells[x].glyph;
      mvwaddch(stdscr, static_cast<int>(y), static_cast<int>(x),
               static_cast<chtype>(static_cast<unsigned char>(glyph)) |
                   AttributesOf(style, screen_->color));
    }
  }
  wrefresh(stdscr);
}

std::optional<Key> Terminal::ReadKey() {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  // Also ended by the signal that tells of a new size.
  if (poll(&input, 1, kWaitMs) > 0 && (input.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) {
    return Key::kQuit;
  }
  const int typed = wgetch(stdscr);
  switch (typed) {
    case ERR:
      return std::nullopt;
    case KEY_UP:
      return Key::kUp;
    case KEY_DOWN:
      return Key::kDown;
    case KEY_RIGHT:
      return Key::kNext;
    case KEY_LEFT:
    case KEY_BTAB:
      return Key::kPrevious;
    default:
      return typed >= 0 && typed < 128 ? KeyOf(static_cast<char>(typed)) : Key::kOther;
  }
}

}  // namespace clusterkit_top
