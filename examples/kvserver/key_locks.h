#ifndef KVSERVER_KEY_LOCKS_H_
#define KVSERVER_KEY_LOCKS_H_

#include <set>
#include <string>
#include <string_view>

namespace kv {

// Keys that are on their way to another server. Requests that may change one of them are held
// until it is here or there; others may read them. What is not a request, expiry or a new role,
// is not stopped.
class KeyLocks {
 public:
  // False: it is locked already.
  bool Lock(std::string_view key) { return keys_.emplace(key).second; }
  void Unlock(std::string_view key) {
    const auto found = keys_.find(key);
    if (found != keys_.end()) keys_.erase(found);
  }
  bool any() const { return !keys_.empty(); }
  bool Locked(std::string_view key) const { return keys_.find(key) != keys_.end(); }

 private:
  std::set<std::string, std::less<>> keys_;
};

}  // namespace kv

#endif  // KVSERVER_KEY_LOCKS_H_
