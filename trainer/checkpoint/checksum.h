// Checksums of files: one CRC-32C per MiB, so that a reader checks just the parts it uses, before it uses them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/file.h"

namespace phalanx::checkpoint {

inline constexpr std::int64_t kChunkBytes = std::int64_t{1} << 20;

constexpr std::int64_t chunk_count(std::int64_t bytes) { return (bytes + kChunkBytes - 1) / kChunkBytes; }

// What must be true of a file. `chunks` holds chunk_count(bytes) checksums.
struct FileChecksum {
  std::int64_t bytes = 0;
  std::vector<std::uint32_t> chunks;  // CRC-32C of each MiB; the last one may be shorter
};

// Reads the file as it is now.
FileChecksum checksum_of(const File& file);

// A file that is read through its checksum. Throws Error naming file and place when its size or what was read differs.
class VerifiedFile {
 public:
  // `expected` must outlive this object.
  VerifiedFile(const std::string& path, const FileChecksum& expected);

  // `bytes` at `offset`; every MiB that they lie in is read and checked as a whole. When it throws, what is at `to` is
  // undefined.
  void read(void* to, std::int64_t bytes, std::int64_t offset);
  void verify_all();

 private:
  // Reads chunk `index` to `to` and checks it there.
  void read_chunk(std::byte* to, std::int64_t index) const;
  [[nodiscard]] std::int64_t chunk_bytes(std::int64_t index) const;

  File file_;
  const FileChecksum& expected_;
  std::vector<std::byte> buffer_;
  std::int64_t buffered_ = -1;  // chunk in the buffer
};

}  // namespace phalanx::checkpoint
