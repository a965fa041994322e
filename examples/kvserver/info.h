#ifndef KVSERVER_INFO_H_
#define KVSERVER_INFO_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/types/span.h"

namespace kv {

// Writes "name:value" lines.
class InfoWriter {
 public:
  explicit InfoWriter(std::string* out) : out_(*out) {}
  void Field(std::string_view name, std::string_view value);
  void Field(std::string_view name, int64_t value);
  void Field(std::string_view name, double value, int decimals);

 private:
  std::string& out_;
};

using InfoProvider = std::function<void(InfoWriter&)>;

// The sections of INFO, in Redis's order. Data thread only.
class InfoRegistry {
 public:
  // Adds or replaces a section ("Replication"; the name as printed). A section that Redis does
  // not have comes last. Some are long and come only when they are asked for.
  enum class When : uint8_t { kByDefault, kOnRequest };
  void Set(std::string_view section, InfoProvider provider, When when = When::kByDefault);

  // The text for INFO's arguments: none or "default", "all" or "everything", or section names
  // (case ignored; unknown ones give nothing).
  std::string Text(absl::Span<const std::string_view> sections) const;

 private:
  struct Section {
    std::string name;
    InfoProvider provider;
    When when;
  };
  std::vector<Section> sections_;
};

}  // namespace kv

#endif  // KVSERVER_INFO_H_
