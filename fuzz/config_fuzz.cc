// A configuration of any content, from a file and the command line, is taken or refused with line
// and cause; a refused directive changes nothing; what CONFIG REWRITE writes reads the same.

#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/check.h"
#include "kvserver/config.h"
#include "kvserver/text.h"

namespace {

using kv::Config;

// All that directives can change, as text.
struct Settings {
  std::vector<std::string> values;
  std::map<std::string, std::string> without_effect;
  friend bool operator==(const Settings&, const Settings&) = default;
};

Settings SettingsOf(const Config& config) {
  Settings settings{{}, config.without_effect};
  settings.values.reserve(kv::Directives().size());
  for (const kv::Directive& directive : kv::Directives()) {
    settings.values.push_back(directive.get(config));
  }
  return settings;
}

// A directory of this process, with files to include. Removed at the end.
class Directory {
 public:
  Directory() {
    const bool in_memory = std::filesystem::is_directory("/dev/shm");
    path_ = (in_memory ? "/dev/shm" : std::filesystem::temp_directory_path()) /
            ("config_fuzz." + std::to_string(getpid()));
    std::filesystem::create_directory(path_);
    std::ofstream(path_ / "included") << "hz 20\n";
    std::ofstream(path_ / "endless") << "include endless\n";
  }
  ~Directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// The current directory, for a while: the fuzzer's own paths are relative to the one before.
class CurrentDirectory {
 public:
  explicit CurrentDirectory(const std::filesystem::path& path) {
    std::filesystem::current_path(path);
  }
  ~CurrentDirectory() { std::filesystem::current_path(before_); }

 private:
  const std::filesystem::path before_ = std::filesystem::current_path();
};

std::string_view Trim(std::string_view line) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const size_t first = std::min(line.find_first_not_of(kBlanks), line.size());
  line.remove_prefix(first);
  return line.substr(0, line.find_last_not_of(kBlanks) + 1);
}

Config Parse(const std::string& text) {
  Config config;
  std::vector<std::string> warnings;
  kv::ConfigError error;
  CLUSTERKIT_CHECK(kv::ParseConfigText(text, config, warnings, &error));
  return config;
}

// What was refused is named, and has changed nothing: the lines above it are what counts.
void CheckRefusal(const kv::ConfigError& error, const std::vector<std::string>& lines,
                  const Config& config) {
  CLUSTERKIT_CHECK(!error.cause.empty());
  const auto line = static_cast<size_t>(error.line);
  CLUSTERKIT_CHECK(error.line > 0 && line <= lines.size());
  CLUSTERKIT_CHECK(error.text == Trim(lines[line - 1]));
  const auto above = absl::StrJoin(lines.begin(), lines.begin() + error.line - 1, "\n");
  CLUSTERKIT_CHECK(SettingsOf(Parse(above)) == SettingsOf(config));
}

std::string Read(const std::string& path) {
  std::string text;
  kv::ConfigError error;
  CLUSTERKIT_CHECK(kv::ReadConfigFile(path, &text, &error));
  return text;
}

void CheckRewrite(const Directory& directory, const std::string& file_text, Config config) {
  config.config_file = directory.path() / "kvserver.conf";
  std::ofstream(config.config_file, std::ios::binary) << file_text;
  CLUSTERKIT_CHECK(kv::RewriteConfigFile(config).ok());
  const std::string written = Read(config.config_file);
  CLUSTERKIT_CHECK(SettingsOf(Parse(written)) == SettingsOf(config));
  CLUSTERKIT_CHECK(kv::RewriteConfigFile(config).ok());
  CLUSTERKIT_CHECK(Read(config.config_file) == written);
}

// Every setting, given on the command line.
void CheckArguments(const Config& config) {
  std::vector<std::string> args;
  for (const kv::Directive& directive : kv::Directives()) {
    args.push_back("--" + std::string(directive.name));
    args.push_back(directive.get(config));
  }
  std::string file;
  const std::string text = kv::ArgumentsToConfigText(args, &file);
  CLUSTERKIT_CHECK(file.empty());
  CLUSTERKIT_CHECK(SettingsOf(Parse(text)).values == SettingsOf(config).values);
}

}  // namespace

// The text of the file, and behind the first NUL the arguments, with a NUL between them.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Directory directory;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t file_end = std::min(input.find('\0'), input.size());
  const std::string file_text(input.substr(0, file_end));
  std::vector<std::string> args;
  if (file_end < input.size()) {
    args = absl::StrSplit(std::string(input.substr(file_end + 1)), '\0');
  }

  std::string file;
  const std::string options = kv::ArgumentsToConfigText(args, &file);
  CLUSTERKIT_CHECK(file.empty() || file == args[0]);
  const std::string text = file_text + "\n" + options;

  const std::vector<std::string> lines = absl::StrSplit(text, '\n');
  bool includes = false;
  for (const std::string& line : lines) {
    const auto words = kv::SplitWords(line);
    if (!words || words->size() < 2 || !kv::EqualsIgnoreCase((*words)[0], "include")) continue;
    // Not from outside of our directory: there are files without end.
    if ((*words)[1] != "included" && (*words)[1] != "endless") return 0;
    includes = true;
  }
  std::optional<CurrentDirectory> current;
  if (includes) current.emplace(directory.path());

  Config config;
  std::vector<std::string> warnings;
  kv::ConfigError error;
  const bool ok = kv::ParseConfigText(text, config, warnings, &error);
  // A fault in an included file speaks of that file, and a line that is rewritten above an include
  // may be overruled by it.
  if (includes) return 0;
  if (!ok) {
    CheckRefusal(error, lines, config);
  } else if (file_text.empty()) {
    CheckArguments(config);
  } else {
    CheckRewrite(directory, file_text, config);
  }
  return 0;
}
