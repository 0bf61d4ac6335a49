// Checksums of files: one CRC-32C per MiB, so that a reader checks just the parts it uses, before it uses them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "trainer/checkpoint/file_io.h"

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

  struct Chunk {
    const std::byte* data = nullptr;
    std::int64_t offset = 0;  // in the file
    std::int64_t bytes = 0;
  };
  // The checked MiB that holds byte `offset`; valid until the next call.
  Chunk chunk_at(std::int64_t offset);
  void verify_all();

 private:
  File file_;
  const FileChecksum& expected_;
  std::vector<std::byte> buffer_;
  std::int64_t loaded_ = -1;  // chunk in the buffer
};

}  // namespace phalanx::checkpoint
