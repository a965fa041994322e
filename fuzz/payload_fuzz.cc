// Any bytes as a value in Redis's encoding: refused, or read into a value that is in proportion to
// them and that survives DUMP and RESTORE.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "base/check.h"
#include "kvserver/value_codec.h"

namespace {

using kv::Value;
using kv::ValueType;

// Compression makes 264 bytes of three, integers at most three digits of two.
constexpr size_t kMaxExpansion = 88 * 2;

size_t ContentBytes(const Value& value) {
  size_t bytes = 0;
  switch (value.type()) {
    case ValueType::kString:
      return value.string().size();
    case ValueType::kList:
      for (const std::string& element : value.list()) bytes += element.size();
      return bytes;
    case ValueType::kSet:
      for (const kv::SetMember& member : value.set().members()) bytes += member.name.size();
      return bytes;
    case ValueType::kHash:
      for (const kv::HashField& field : value.hash().fields()) {
        bytes += field.name.size() + field.value.size();
      }
      return bytes;
    case ValueType::kSortedSet:
      for (size_t i = 0; i < value.sorted_set().size(); ++i) {
        bytes += value.sorted_set().AtPosition(i).name().size();
      }
      return bytes;
  }
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // In a block that ends where the bytes end.
  auto block = std::make_unique_for_overwrite<char[]>(size);
  std::copy(data, data + size, block.get());
  const absl::StatusOr<Value> value = kv::ParseValue({block.get(), size});
  block.reset();
  if (!value.ok()) {
    CLUSTERKIT_CHECK(absl::IsInvalidArgument(value.status()));
    CLUSTERKIT_CHECK(value.status().message() == "Bad data format");
    return 0;
  }
  CLUSTERKIT_CHECK(value->element_count() > 0);
  CLUSTERKIT_CHECK(value->element_count() <= size * kMaxExpansion);
  CLUSTERKIT_CHECK(ContentBytes(*value) <= size * kMaxExpansion);

  const std::string payload = kv::DumpPayload(*value);
  const absl::StatusOr<Value> again = kv::ParsePayload(payload);
  CLUSTERKIT_CHECK(again.ok());
  CLUSTERKIT_CHECK(again->type() == value->type());
  CLUSTERKIT_CHECK(again->element_count() == value->element_count());
  CLUSTERKIT_CHECK(kv::EncodingName(*again) == kv::EncodingName(*value));
  CLUSTERKIT_CHECK(kv::DumpPayload(*again) == payload);

  // The checksum covers all of it.
  std::string damaged = payload;
  damaged[size % damaged.size()] = static_cast<char>(damaged[size % damaged.size()] ^ 1);
  CLUSTERKIT_CHECK(absl::IsDataLoss(kv::ParsePayload(damaged).status()));
  return 0;
}
