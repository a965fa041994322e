#include "kvserver/config.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kvserver/glob.h"
#include "kvserver/text.h"

namespace kv {
namespace {

constexpr int kMaxIncludeDepth = 16;

// The words of a directive's value as one text, so that SplitWords gives them back.
std::string JoinWords(absl::Span<const std::string> words) {
  std::string joined;
  for (const std::string& word : words) {
    if (!joined.empty()) joined += ' ';
    joined += QuoteIfNeeded(word);
  }
  return joined;
}

std::string WarningFor(const Config& config, std::string_view name) {
  if (name == "appendonly" && config.appendonly) {
    return "appendonly yes: kvserver has no append-only file; snapshots are all that it writes";
  }
  if (name == "cluster-announce-tls-port" && config.cluster_announce_tls_port != 0) {
    return "cluster-announce-tls-port: kvserver has no TLS";
  }
  return "";
}

std::string_view Trim(std::string_view line) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const size_t first = line.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return line.substr(first, line.find_last_not_of(kBlanks) - first + 1);
}

class Parser {
 public:
  Parser(Config& config, std::vector<std::string>& warnings, ConfigError* error)
      : config_(config), warnings_(warnings), error_(error) {}

  bool ParseText(std::string_view text) {
    int number = 0;
    for (size_t begin = 0; begin <= text.size();) {
      const size_t end = std::min(text.find('\n', begin), text.size());
      ++number;
      std::string cause;
      const std::string_view line = Trim(text.substr(begin, end - begin));
      if (!ParseLine(line, &cause)) {
        // A fault in an included file has been described already.
        if (!cause.empty()) *error_ = {number, std::string(line), cause};
        return false;
      }
      begin = end + 1;
    }
    return true;
  }

 private:
  // False: `*cause` says why, or is empty if `*error_` is set.
  bool ParseLine(std::string_view line, std::string* cause) {
    if (line.empty() || line[0] == '#') return true;
    auto words = SplitWords(line);
    if (!words.has_value()) {
      *cause = "Unbalanced quotes in configuration line";
      return false;
    }
    if (words->empty()) return true;
    (*words)[0] = ToLower((*words)[0]);
    if ((*words)[0] == "include" && words->size() == 2) return Include((*words)[1], cause);
    MergeSave(&*words);
    std::string warning;
    const absl::Status status = ApplyDirective(config_, *words, &warning);
    if (!status.ok()) {
      *cause = std::string(status.message());
      return false;
    }
    if (!warning.empty()) warnings_.push_back(warning);
    return true;
  }

  bool Include(const std::string& path, std::string* cause) {
    if (depth_ == kMaxIncludeDepth) {
      *cause = "Too many nested includes";
      return false;
    }
    std::string text;
    ++depth_;
    const bool ok = ReadConfigFile(path, &text, error_) && ParseText(text);
    --depth_;
    return ok;
  }

  // Each line adds its save points, except `save ""`, which drops what came before; the first one
  // also drops the defaults.
  void MergeSave(std::vector<std::string>* words) {
    if ((*words)[0] != "save" || words->size() < 2) return;
    const bool first = !std::exchange(save_seen_, true);
    if (first || (*words)[1].empty()) return;
    const auto before = SplitWords(config_.save);
    words->insert(words->begin() + 1, before->begin(), before->end());
  }

  Config& config_;
  std::vector<std::string>& warnings_;
  ConfigError* error_;
  int depth_ = 0;
  bool save_seen_ = false;
};

}  // namespace

std::string QuoteIfNeeded(std::string_view word) {
  const std::string quoted = Quote(word);
  const bool plain = !word.empty() && quoted.size() == word.size() + 2 &&
                     word.find_first_of(" '#") == std::string_view::npos;
  return plain ? std::string(word) : quoted;
}

const Directive* FindDirective(std::string_view name) {
  for (const Directive& directive : Directives()) {
    if (directive.name == name || (!directive.alias.empty() && directive.alias == name)) {
      return &directive;
    }
  }
  return nullptr;
}

absl::Status ApplyDirective(Config& config, absl::Span<const std::string> words,
                            std::string* warning) {
  const std::string& name = words[0];
  const absl::Span<const std::string> args = words.subspan(1);
  const Directive* directive = FindDirective(name);
  if (directive == nullptr) {
    if (!IsRedisDirective(name) || args.empty()) {
      return absl::InvalidArgumentError("Bad directive or wrong number of arguments");
    }
    config.without_effect[name] = JoinWords(args);
    *warning = absl::StrCat("WARNING: the directive '", name, "' has no effect in kvserver");
    return absl::OkStatus();
  }
  if (args.empty() || (args.size() > 1 && !directive->many_arguments)) {
    return absl::InvalidArgumentError("wrong number of arguments");
  }
  // A list may come as one quoted word: --save "3600 1 300 100".
  std::vector<std::string> list;
  absl::Span<const std::string> values = args;
  if (directive->many_arguments && args.size() == 1 && !args[0].empty()) {
    auto split = SplitWords(args[0]);
    if (!split.has_value()) return absl::InvalidArgumentError("Unbalanced quotes");
    list = *std::move(split);
    values = list;
  }
  absl::Status status = directive->set(config, values);
  if (!status.ok()) return status;
  const std::string about = WarningFor(config, directive->name);
  if (!about.empty()) *warning = absl::StrCat("WARNING: ", about);
  return status;
}

std::vector<std::pair<std::string, std::string>> MatchDirectives(
    const Config& config, absl::Span<const std::string_view> patterns) {
  std::vector<std::pair<std::string, std::string>> pairs;
  const auto add_if_matching = [&](std::string_view name, const auto& value) {
    for (const std::string_view pattern : patterns) {
      if (!GlobMatches(pattern, name, /*ignore_case=*/true)) continue;
      // A name that was spelled out comes back as it was spelled.
      const bool spelled = EqualsIgnoreCase(pattern, name);
      pairs.emplace_back(std::string(spelled ? pattern : name), value());
      return;
    }
  };
  for (const Directive& directive : Directives()) {
    for (const std::string_view name : {directive.name, directive.alias}) {
      if (!name.empty()) add_if_matching(name, [&] { return directive.get(config); });
    }
  }
  for (const auto& [name, value] : config.without_effect) {
    add_if_matching(name, [&text = value] { return text; });
  }
  return pairs;
}

std::string ConfigError::ToString() const {
  std::string text = absl::StrCat("\n*** FATAL CONFIG FILE ERROR (kvserver ",
                                  std::string(kRedisVersion), ") ***\n");
  if (line > 0) {
    absl::StrAppend(&text, "Reading the configuration file, at line ", line, "\n>>> '", this->text,
                    "'\n");
  }
  return absl::StrCat(text, cause, "\n");
}

bool ParseConfigText(std::string_view text, Config& config, std::vector<std::string>& warnings,
                     ConfigError* error) {
  return Parser(config, warnings, error).ParseText(text);
}

bool ReadConfigFile(const std::string& path, std::string* text, ConfigError* error) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream contents;
  if (file && file.peek() != std::ifstream::traits_type::eof()) contents << file.rdbuf();
  if (file.is_open()) {
    *text = contents.str();
    return true;
  }
  *error = {
      0, "",
      absl::StrCat("Fatal error, can't open config file '", path, "': ", std::strerror(errno))};
  return false;
}

std::string ArgumentsToConfigText(absl::Span<const std::string> args, std::string* config_file) {
  size_t i = 0;
  if (!args.empty() && args[0].rfind('-', 0) != 0) *config_file = args[i++];
  std::string text;
  // A word with dashes is a value if it follows a directive that has none yet ("--pidfile --x").
  bool has_value = true;
  for (; i < args.size(); ++i) {
    const std::string& arg = args[i];
    if (!has_value || arg.rfind("--", 0) != 0) {
      text += Quote(arg) + " ";
      has_value = true;
      continue;
    }
    if (!text.empty()) text += "\n";
    text += arg.substr(2) + " ";
    const auto words = SplitWords(arg);
    has_value = words.has_value() && words->size() > 1;  // "--port 7000" in one argument
    // "--save" without a value is short for --save "".
    if (EqualsIgnoreCase(arg, "--save") &&
        (i + 1 == args.size() || args[i + 1].rfind("--", 0) == 0)) {
      text += "\"\"";
      has_value = true;
    }
  }
  return text;
}

}  // namespace kv
