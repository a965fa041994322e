#include "kvserver/rdb_decoder.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kvserver/crc64.h"
#include "kvserver/little_endian.h"
#include "kvserver/rdb_strings.h"
#include "kvserver/text.h"
#include "kvserver/value_codec.h"

namespace kv {
namespace {

using rdb::Mark;

constexpr std::string_view kMagicWord = "REDIS";
constexpr int64_t kOldestVersion = 1;
constexpr int64_t kNewestVersion = 11;  // Redis 7.2
constexpr int64_t kFirstWithChecksum = 5;
constexpr size_t kProgressStep = 1 << 20;

class Decoder {
 public:
  Decoder(std::string_view file, Keyspace& keyspace) : file_(file), keyspace_(keyspace) {}

  absl::StatusOr<RdbContents> Decode(absl::FunctionRef<void(size_t)> progress) {
    if (absl::Status status = ReadVersion(); !status.ok()) return status;
    size_t told = 0;
    bool more = true;
    while (more) {
      if (offset() - told >= kProgressStep) progress(told = offset());
      item_ = offset();
      if (absl::Status status = ReadItem(&more); !status.ok()) return status;
    }
    if (absl::Status status = CheckEnd(); !status.ok()) return status;
    return std::move(contents_);
  }

 private:
  size_t offset() const { return file_.size() - reader_.remaining(); }

  absl::Status Damaged(const std::string& what) const {
    return absl::DataLossError(absl::StrCat("at offset ", item_, ": ", what));
  }
  absl::Status CutOff() const {
    return Damaged(reader_.at_end() ? "the file ends in the middle" : "malformed");
  }

  absl::Status ReadVersion() {
    int64_t version = 0;
    if (file_.size() < rdb::kMagic.size() || file_.substr(0, kMagicWord.size()) != kMagicWord ||
        !ParseInt(DropZeros(file_.substr(kMagicWord.size(), 4)), &version)) {
      return Damaged("this is no RDB file");
    }
    if (version < kOldestVersion || version > kNewestVersion) {
      return Damaged(absl::StrCat("RDB version ", version, " is not known here"));
    }
    has_checksum_ = version >= kFirstWithChecksum;
    reader_ = RdbReader(file_.substr(rdb::kMagic.size()));
    return absl::OkStatus();
  }

  static std::string_view DropZeros(std::string_view digits) {
    while (digits.size() > 1 && digits[0] == '0') digits.remove_prefix(1);
    return digits;
  }

  absl::Status ReadItem(bool* more) {
    uint8_t byte = 0;
    if (!reader_.ReadByte(&byte)) return CutOff();
    std::string text;
    uint64_t number = 0;
    switch (static_cast<Mark>(byte)) {
      case Mark::kEnd:
        *more = false;
        return absl::OkStatus();
      case Mark::kAux:
        return ReadAux();
      case Mark::kSelect:
        if (!reader_.ReadLength(&number)) return CutOff();
        if (number == 0) return absl::OkStatus();
        return Damaged(absl::StrCat("keys of database ", number, ", but there is only 0 here"));
      case Mark::kResize: {
        uint64_t expiring = 0;
        return reader_.ReadLength(&number) && reader_.ReadLength(&expiring) ? absl::OkStatus()
                                                                            : CutOff();
      }
      case Mark::kExpiryMs:
        return ReadExpiry(/*width=*/8, /*unit_ms=*/1);
      case Mark::kExpirySeconds:
        return ReadExpiry(/*width=*/4, /*unit_ms=*/1000);
      case Mark::kIdleTime:
        return reader_.ReadLength(&number) ? absl::OkStatus() : CutOff();
      case Mark::kFrequency:
        return reader_.ReadByte(&byte) ? absl::OkStatus() : CutOff();
      case Mark::kFunctions:
        return Damaged("a function library, which kvserver has not");
      case Mark::kModuleAux:
        return Damaged("data of a module, which kvserver has not");
    }
    return ReadEntry(byte);
  }

  absl::Status ReadExpiry(size_t width, int64_t unit_ms) {
    uint64_t time = 0;
    if (!reader_.ReadLittleEndian(width, &time)) return CutOff();
    expires_at_ms_ = static_cast<int64_t>(time) * unit_ms;
    if (*expires_at_ms_ < 0) return Damaged("a negative expiry");
    return absl::OkStatus();
  }

  absl::Status ReadAux() {
    std::string name;
    std::string value;
    if (!reader_.ReadString(&name) || !reader_.ReadString(&value)) return CutOff();
    RdbHead& head = contents_.head;
    const bool number = name == rdb::kOffset || name == rdb::kHistory || name == "ctime";
    int64_t parsed = 0;
    if (number && (!ParseInt(value, &parsed) || parsed < 0)) {
      return Damaged(absl::StrCat("the field ", name, " is no number"));
    }
    if (name == rdb::kStreamId) head.stream_id = value;
    if (name == rdb::kShardId) head.shard_id = value;
    if (name == rdb::kOffset) head.offset = static_cast<uint64_t>(parsed);
    if (name == rdb::kHistory) head.history = static_cast<uint64_t>(parsed);
    if (name == "ctime") head.created_s = parsed;
    return absl::OkStatus();
  }

  absl::Status ReadEntry(uint8_t type) {
    std::string key;
    if (!KnowsValueType(type)) {
      return Damaged(absl::StrCat("type ", type, " of a value, which kvserver has not"));
    }
    if (!reader_.ReadString(&key)) return CutOff();
    absl::StatusOr<Value> value = ReadValue(type, reader_);
    if (!value.ok()) return CutOff();
    bool created = false;
    Entry* entry = keyspace_.Upsert(key, &created);
    if (!created) return Damaged("a key that was there before");
    entry->value = *std::move(value);
    if (expires_at_ms_.has_value()) keyspace_.SetExpiry(entry, *expires_at_ms_);
    expires_at_ms_.reset();
    ++contents_.keys;
    return absl::OkStatus();
  }

  absl::Status CheckEnd() {
    if (!has_checksum_) return absl::OkStatus();
    const size_t end = offset();
    uint64_t checksum = 0;
    if (!reader_.ReadLittleEndian(8, &checksum)) return CutOff();
    // 0: whoever wrote it was told to do without.
    if (checksum != 0 && checksum != Crc64(file_.substr(0, end))) {
      return Damaged("the checksum is wrong");
    }
    if (reader_.at_end()) return absl::OkStatus();
    return Damaged(absl::StrCat(reader_.remaining(), " bytes behind the end"));
  }

  const std::string_view file_;
  Keyspace& keyspace_;
  RdbReader reader_{std::string_view()};
  size_t item_ = 0;  // where the one that is being read began
  bool has_checksum_ = true;
  std::optional<int64_t> expires_at_ms_;  // of the next entry
  RdbContents contents_;
};

absl::Status FileFault(const std::string& path) {
  const std::string text = absl::StrCat("Can't read ", path, ": ", std::strerror(errno));
  return errno == ENOENT ? absl::NotFoundError(text) : absl::UnavailableError(text);
}

// A file's bytes, for as long as this lives.
class MappedFile {
 public:
  ~MappedFile() {
    if (bytes_ != MAP_FAILED) munmap(bytes_, size_);
    if (fd_ >= 0) close(fd_);
  }
  MappedFile() = default;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  absl::Status Open(const std::string& path) {
    struct stat status = {};
    fd_ = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd_ < 0 || fstat(fd_, &status) != 0) return FileFault(path);
    size_ = static_cast<size_t>(status.st_size);
    if (size_ == 0) return absl::OkStatus();
    bytes_ = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd_, 0);
    if (bytes_ == MAP_FAILED) return FileFault(path);
    madvise(bytes_, size_, MADV_SEQUENTIAL);
    return absl::OkStatus();
  }
  std::string_view view() const {
    return bytes_ == MAP_FAILED ? std::string_view()
                                : std::string_view(static_cast<const char*>(bytes_), size_);
  }

 private:
  int fd_ = -1;
  void* bytes_ = MAP_FAILED;
  size_t size_ = 0;
};

}  // namespace

absl::StatusOr<RdbContents> DecodeRdb(std::string_view file, Keyspace& keyspace,
                                      absl::FunctionRef<void(size_t)> progress) {
  const ExpiryMode mode = keyspace.expiry_mode();
  keyspace.set_expiry_mode(ExpiryMode::kIgnore);
  absl::StatusOr<RdbContents> contents = Decoder(file, keyspace).Decode(progress);
  keyspace.set_expiry_mode(mode);
  return contents;
}

absl::StatusOr<RdbContents> LoadRdbFile(const std::string& path, Keyspace& keyspace,
                                        absl::FunctionRef<void(size_t read, size_t all)> progress) {
  MappedFile file;
  if (absl::Status status = file.Open(path); !status.ok()) return status;
  const std::string_view bytes = file.view();
  return DecodeRdb(bytes, keyspace, [&](size_t read) { progress(read, bytes.size()); });
}

}  // namespace kv
