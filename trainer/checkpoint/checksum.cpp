#include "trainer/checkpoint/checksum.h"

#include <algorithm>

#include "core/check.h"
#include "core/crc32c.h"

namespace phalanx::checkpoint {

FileChecksum checksum_of(const File& file) {
  FileChecksum checksum;
  checksum.bytes = file.bytes();
  std::vector<std::byte> buffer(static_cast<std::size_t>(std::min(checksum.bytes, kChunkBytes)));
  for (std::int64_t offset = 0; offset < checksum.bytes; offset += kChunkBytes) {
    const std::int64_t bytes = std::min(kChunkBytes, checksum.bytes - offset);
    file.read(buffer.data(), bytes, offset);
    checksum.chunks.push_back(crc32c(buffer.data(), static_cast<std::size_t>(bytes)));
  }
  return checksum;
}

VerifiedFile::VerifiedFile(const std::string& path, const FileChecksum& expected)
    : file_(File::open_for_reading(path)), expected_(expected) {
  const std::int64_t bytes = file_.bytes();
  if (bytes != expected.bytes) {
    throw Error(str(path, " is damaged: it has ", bytes, " bytes, the manifest says ", expected.bytes));
  }
  buffer_.resize(static_cast<std::size_t>(std::min(bytes, kChunkBytes)));
}

VerifiedFile::Chunk VerifiedFile::chunk_at(std::int64_t offset) {
  ENSURE(offset >= 0 && offset < expected_.bytes, file_.path(), ": byte ", offset, " of ", expected_.bytes);
  const std::int64_t index = offset / kChunkBytes;
  const std::int64_t begin = index * kChunkBytes;
  const std::int64_t bytes = std::min(kChunkBytes, expected_.bytes - begin);
  if (index != loaded_) {
    loaded_ = -1;
    file_.read(buffer_.data(), bytes, begin);
    const std::uint32_t found = crc32c(buffer_.data(), static_cast<std::size_t>(bytes));
    if (found != expected_.chunks[static_cast<std::size_t>(index)]) {
      throw Error(
          str(file_.path(), " is damaged: bytes ", begin, " to ", begin + bytes, " do not match their checksum"));
    }
    loaded_ = index;
  }
  return {buffer_.data(), begin, bytes};
}

void VerifiedFile::verify_all() {
  for (std::int64_t offset = 0; offset < expected_.bytes; offset += kChunkBytes) static_cast<void>(chunk_at(offset));
}

}  // namespace phalanx::checkpoint
