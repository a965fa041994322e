#ifndef KVSERVER_VALUE_H_
#define KVSERVER_VALUE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "kvserver/containers.h"
#include "kvserver/sorted_set.h"

namespace kv {

// In the order of the alternatives of Value.
enum class ValueType : uint8_t { kString, kList, kSet, kHash, kSortedSet };

// A value of one of the data types; an empty string when made. Strings are held inline, since
// most values are small strings; containers behind a pointer, so that strings pay nothing for
// them.
class Value {
 public:
  Value() = default;
  explicit Value(ValueType type);
  Value(Value&& other) noexcept : data_(std::exchange(other.data_, Data())) {}
  Value& operator=(Value&& other) noexcept {
    data_ = std::exchange(other.data_, Data());
    return *this;
  }

  ValueType type() const { return static_cast<ValueType>(data_.index()); }
  // Each requires its type.
  std::string& string() { return *std::get_if<std::string>(&data_); }
  const std::string& string() const { return *std::get_if<std::string>(&data_); }
  ListValue& list() { return **std::get_if<ListPointer>(&data_); }
  const ListValue& list() const { return **std::get_if<ListPointer>(&data_); }
  SetValue& set() { return **std::get_if<SetPointer>(&data_); }
  const SetValue& set() const { return **std::get_if<SetPointer>(&data_); }
  HashValue& hash() { return **std::get_if<HashPointer>(&data_); }
  const HashValue& hash() const { return **std::get_if<HashPointer>(&data_); }
  SortedSetValue& sorted_set() { return **std::get_if<SortedSetPointer>(&data_); }
  const SortedSetValue& sorted_set() const { return **std::get_if<SortedSetPointer>(&data_); }

  // Another value of the same contents.
  Value Copy() const;

  // Adds what another value of the same type holds, which must be new here. False: it is not.
  bool Append(Value more);

  // Elements, members or fields; of a string 1.
  size_t element_count() const;
  // Frees up to `count` elements and returns how many; nothing but a repetition and the end may
  // follow. A container that may be huge is freed like this, a piece at a time.
  size_t FreeSome(size_t count);

 private:
  using ListPointer = std::unique_ptr<ListValue>;
  using SetPointer = std::unique_ptr<SetValue>;
  using HashPointer = std::unique_ptr<HashValue>;
  using SortedSetPointer = std::unique_ptr<SortedSetValue>;
  using Data = std::variant<std::string, ListPointer, SetPointer, HashPointer, SortedSetPointer>;

  Data data_;
};
static_assert(sizeof(Value) == sizeof(std::variant<std::string>));

// The name that TYPE answers.
std::string_view TypeName(ValueType type);
// The name of the encoding that Redis would choose, for OBJECT ENCODING.
std::string_view EncodingName(const Value& value);

}  // namespace kv

#endif  // KVSERVER_VALUE_H_
