// Fields of a JSON object, each of the type and within the bounds that it must have. The first that
// is not is remembered by its path; from then on values are empty, and whoever reads need not look
// before the end.

#ifndef CLUSTERKIT_EXAMPLES_CLUSTERKIT_TOP_JSON_READER_H_
#define CLUSTERKIT_EXAMPLES_CLUSTERKIT_TOP_JSON_READER_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"

namespace clusterkit_top {

class JsonReader {
 public:
  using Json = nlohmann::json;

  // Both are kept.
  JsonReader(const Json* value, std::string* fault) : JsonReader(value, "", fault) {}

  bool Is(const std::string& name, Json::value_t type) const {
    const Json* field = Find(name);
    return field != nullptr && field->type() == type;
  }
  bool Bool(const std::string& name) const {
    const Json* field = Wanted(name, &Json::is_boolean, "true or false");
    return field != nullptr && field->get<bool>();
  }
  uint64_t Count(const std::string& name, uint64_t most = UINT64_MAX) const {
    const Json* field = Wanted(name, &Json::is_number_unsigned, "a number, not negative");
    const uint64_t value = field == nullptr ? 0 : field->get<uint64_t>();
    if (value <= most) return value;
    Fault(name, absl::StrCat("is above ", most));
    return 0;
  }
  int Small(const std::string& name, int most) const {
    return static_cast<int>(Count(name, static_cast<uint64_t>(most)));
  }
  int64_t Integer(const std::string& name) const {
    const Json* field = Wanted(name, &Json::is_number_integer, "a whole number");
    if (field == nullptr) return 0;
    if (!field->is_number_unsigned() || field->get<uint64_t>() <= INT64_MAX) {
      return field->get<int64_t>();
    }
    Fault(name, "is too great");
    return 0;
  }
  std::optional<int64_t> IntegerOrNull(const std::string& name) const {
    if (Is(name, Json::value_t::null)) return std::nullopt;
    return Integer(name);
  }
  double Real(const std::string& name) const {
    const Json* field = Wanted(name, &Json::is_number, "a number");
    return field == nullptr ? 0 : field->get<double>();
  }
  // Printable ASCII: what a node says must not control the terminal. Other bytes become '?'.
  std::string Text(const std::string& name) const {
    const Json* field = Wanted(name, &Json::is_string, "a string");
    return field == nullptr ? "" : Printable(field->get_ref<const std::string&>());
  }
  std::optional<std::string> TextOrNull(const std::string& name) const {
    if (Is(name, Json::value_t::null)) return std::nullopt;
    return Text(name);
  }
  JsonReader Object(const std::string& name) const {
    return {Wanted(name, &Json::is_object, "an object"), Path(name), fault_};
  }
  // Calls `read` with a reader for each element, and does not go on after a fault.
  template <typename Fn>
  void ForEachObject(const std::string& name, size_t most, Fn read) const {
    ForEach(name, most, [&](const Json& element, std::string path) {
      if (!element.is_object()) return Report(path, "is no object");
      read(JsonReader(&element, std::move(path), fault_));
    });
  }
  // Calls `read` with each element and its path.
  template <typename Fn>
  void ForEach(const std::string& name, size_t most, Fn read) const {
    const Json* field = Wanted(name, &Json::is_array, "an array");
    if (field == nullptr) return;
    if (field->size() > most) return Fault(name, absl::StrCat("has more than ", most, " elements"));
    for (size_t i = 0; i < field->size() && fault_->empty(); ++i) {
      read((*field)[i], absl::StrCat(Path(name), "[", i, "]"));
    }
  }

  void Fault(const std::string& name, const std::string& what) const { Report(Path(name), what); }
  void Report(const std::string& path, const std::string& what) const {
    if (fault_->empty()) *fault_ = absl::StrCat(path, " ", what);
  }

  static std::string Printable(std::string_view text) {
    constexpr size_t kMostBytes = 1024;
    std::string printable(text.substr(0, kMostBytes));
    for (char& c : printable) {
      if (c < ' ' || c > '~') c = '?';
    }
    return printable;
  }

 private:
  JsonReader(const Json* value, std::string path, std::string* fault)
      : value_(value), path_(std::move(path)), fault_(fault) {}

  std::string Path(const std::string& name) const {
    return path_.empty() ? name : absl::StrCat(path_, ".", name);
  }
  const Json* Find(const std::string& name) const {
    if (value_ == nullptr || !fault_->empty()) return nullptr;
    const auto found = value_->find(name);
    return found == value_->end() ? nullptr : &*found;
  }
  const Json* Wanted(const std::string& name, bool (Json::*is)() const noexcept,
                     const std::string& what) const {
    const Json* field = Find(name);
    if (field == nullptr) {
      Fault(name, "is missing");
    } else if (!(field->*is)()) {
      Fault(name, absl::StrCat("is not ", what));
      field = nullptr;
    }
    return field;
  }

  const Json* const value_;  // An object; null after a fault.
  const std::string path_;
  std::string* const fault_;
};

}  // namespace clusterkit_top

#endif  // CLUSTERKIT_EXAMPLES_CLUSTERKIT_TOP_JSON_READER_H_
