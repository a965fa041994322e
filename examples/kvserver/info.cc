#include "kvserver/info.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <iterator>
#include <utility>

#include "kvserver/text.h"

namespace kv {
namespace {

constexpr std::string_view kOrder[] = {"Server",       "Clients",     "Memory",  "Persistence",
                                       "Stats",        "Replication", "CPU",     "Modules",
                                       "Commandstats", "Errorstats",  "Cluster", "Keyspace"};

size_t RankOf(std::string_view section) {
  return static_cast<size_t>(std::find(std::begin(kOrder), std::end(kOrder), section) -
                             std::begin(kOrder));
}

}  // namespace

void InfoWriter::Field(std::string_view name, std::string_view value) {
  out_.append(name).append(":").append(value).append("\r\n");
}

void InfoWriter::Field(std::string_view name, int64_t value) {
  Field(name, std::string_view(std::to_string(value)));
}

void InfoWriter::Field(std::string_view name, double value, int decimals) {
  char text[64];
  std::snprintf(text, sizeof(text), "%.*f", decimals, value);
  Field(name, std::string_view(text));
}

void InfoRegistry::Set(std::string_view section, InfoProvider provider, When when) {
  for (Section& known : sections_) {
    if (known.name == section) {
      known.provider = std::move(provider);
      return;
    }
  }
  sections_.push_back({std::string(section), std::move(provider), when});
  std::stable_sort(sections_.begin(), sections_.end(), [](const Section& a, const Section& b) {
    return RankOf(a.name) < RankOf(b.name);
  });
}

std::string InfoRegistry::Text(absl::Span<const std::string_view> names) const {
  const auto wanted = [&](const Section& section) {
    const bool by_default = section.when == When::kByDefault;
    if (names.empty()) return by_default;
    for (const std::string_view name : names) {
      if (EqualsIgnoreCase(name, "all") || EqualsIgnoreCase(name, "everything") ||
          EqualsIgnoreCase(name, section.name) ||
          (by_default && EqualsIgnoreCase(name, "default"))) {
        return true;
      }
    }
    return false;
  };
  std::string text;
  for (const Section& section : sections_) {
    if (!wanted(section)) continue;
    if (!text.empty()) text += "\r\n";
    text.append("# ").append(section.name).append("\r\n");
    InfoWriter writer(&text);
    section.provider(writer);
  }
  return text;
}

}  // namespace kv
