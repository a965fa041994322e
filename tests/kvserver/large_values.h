#ifndef CLUSTERKIT_TESTS_KVSERVER_LARGE_VALUES_H_
#define CLUSTERKIT_TESTS_KVSERVER_LARGE_VALUES_H_

#include <string>

#include "kvserver/keyspace.h"

namespace kv::testing {

inline std::string Numbered(const char* name, int number) { return name + std::to_string(number); }

// Two of each type, so large that snapshots take them in pieces.
inline void FillWithLargeValues(Keyspace& keyspace) {
  for (int copy = 0; copy < 2; ++copy) {
    keyspace.Upsert(Numbered("large string", copy))->value.string().assign(1'000'000, 's');
    for (const ValueType type :
         {ValueType::kList, ValueType::kSet, ValueType::kHash, ValueType::kSortedSet}) {
      Value value(type);
      for (int i = 0; i < 20'000; ++i) {
        const std::string name = Numbered("member ", i);
        if (type == ValueType::kList) value.list().push_back(name);
        if (type == ValueType::kSet) value.set().Add(name);
        if (type == ValueType::kHash) value.hash().Set(name, std::to_string(i));
        if (type == ValueType::kSortedSet) value.sorted_set().Set(name, i * 0.5);
      }
      const std::string key = std::string("large ").append(TypeName(type));
      keyspace.Upsert(Numbered(key.c_str(), copy))->value = std::move(value);
    }
  }
}

// Takes a snapshot. In its course keys come, go and change, the large ones when some have been
// begun.
template <typename Encoder>
void ChangeDuringSnapshot(Keyspace& keyspace, Encoder& encoder) {
  int pieces = 0;
  keyspace.StartSnapshot([&](const Entry& entry, bool whole) {
    const bool more = encoder.Add(entry, whole);
    pieces += more ? 1 : 0;
    return more;
  });
  for (int step = 0; keyspace.AdvanceSnapshot(1); ++step) {
    keyspace.Upsert(Numbered("new", step))->value.string() = "new";
    if (step % 3 == 0) keyspace.Erase(Numbered("small", step));
    if (pieces == 20) keyspace.FindForWrite("large list0")->value.list().pop_front();
    if (pieces == 21) keyspace.FindForWrite("large hash0")->value.hash().Remove("member 7");
    if (pieces == 22) keyspace.FindForWrite("large zset0")->value.sorted_set().Set("member 1", 7);
    if (pieces == 23) keyspace.FindForWrite("large string0")->value.string() += "more";
    if (pieces == 24) keyspace.Erase("large set0");
    if (pieces == 26) keyspace.Clear();
  }
}

}  // namespace kv::testing

#endif  // CLUSTERKIT_TESTS_KVSERVER_LARGE_VALUES_H_
