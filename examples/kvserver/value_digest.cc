#include "kvserver/value_digest.h"

#include <cstddef>
#include <string_view>

#include "absl/strings/escaping.h"
#include "kvserver/sha1.h"
#include "kvserver/text.h"

namespace kv {
namespace {

// Redis's numbers of the types. A digest takes them as four bytes, highest first.
constexpr std::string_view kStringType("\0\0\0\0", 4);
constexpr std::string_view kListType("\0\0\0\1", 4);
constexpr std::string_view kSetType("\0\0\0\2", 4);
constexpr std::string_view kSortedSetType("\0\0\0\3", 4);
constexpr std::string_view kHashType("\0\0\0\4", 4);
constexpr std::string_view kDatabase0("\0\0\0\0", 4);

class Digest {
 public:
  // For what has no order: any order gives the same digest.
  void Add(std::string_view bytes) {
    const Sha1Digest sum = Sha1(bytes);
    for (size_t i = 0; i < sum.size(); ++i) digest_[i] ^= sum[i];
  }
  // For what has one.
  void Mix(std::string_view bytes) {
    Add(bytes);
    digest_ = Sha1(this->bytes());
  }

  std::string_view bytes() const {
    return {reinterpret_cast<const char*>(digest_.data()), digest_.size()};
  }
  std::string Hex() const { return absl::BytesToHexString({bytes().data(), bytes().size()}); }

 private:
  Sha1Digest digest_ = {};
};

void AddValue(const Value& value, Digest& digest) {
  switch (value.type()) {
    case ValueType::kString:
      digest.Mix(kStringType);
      return digest.Mix(value.string());
    case ValueType::kList:
      digest.Mix(kListType);
      for (const std::string& element : value.list()) digest.Mix(element);
      return;
    case ValueType::kSet:
      digest.Mix(kSetType);
      for (const SetMember& member : value.set().members()) digest.Add(member.name);
      return;
    case ValueType::kHash:
      digest.Mix(kHashType);
      for (const HashField& field : value.hash().fields()) {
        Digest pair;
        pair.Mix(field.name);
        pair.Mix(field.value);
        digest.Add(pair.bytes());
      }
      return;
    case ValueType::kSortedSet:
      digest.Mix(kSortedSetType);
      for (const ScoredMember* member = value.sorted_set().AtRank(0); member != nullptr;
           member = member->next()) {
        Digest pair;
        pair.Mix(member->name());
        pair.Mix(FormatDouble(member->score()));
        digest.Add(pair.bytes());
      }
      return;
  }
}

void AddEntry(const Entry& entry, Digest& digest) {
  AddValue(entry.value, digest);
  if (entry.expires_at_ms != kNoExpiry) digest.Add("!!expire!!");
}

}  // namespace

std::string ValueDigest(const Entry& entry) {
  Digest digest;
  AddEntry(entry, digest);
  return digest.Hex();
}

std::string NoValueDigest() { return Digest().Hex(); }

std::string DatasetDigest(Keyspace& keyspace) {
  Digest all;
  if (keyspace.size() > 0) all.Mix(kDatabase0);
  keyspace.ForEach([&all](const Entry& entry) {
    Digest digest;
    digest.Mix(entry.key());
    AddEntry(entry, digest);
    all.Add(digest.bytes());
  });
  return all.Hex();
}

}  // namespace kv
