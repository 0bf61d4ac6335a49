#include "trainer/checkpoint/checksum.h"

#include <algorithm>
#include <cstring>

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

std::int64_t VerifiedFile::chunk_bytes(std::int64_t index) const {
  return std::min(kChunkBytes, expected_.bytes - index * kChunkBytes);
}

void VerifiedFile::read_chunk(std::byte* to, std::int64_t index) const {
  const std::int64_t bytes = chunk_bytes(index);
  const std::int64_t begin = index * kChunkBytes;
  file_.read(to, bytes, begin);
  if (crc32c(to, static_cast<std::size_t>(bytes)) == expected_.chunks[static_cast<std::size_t>(index)]) return;
  throw Error(str(file_.path(), " is damaged: bytes ", begin, " to ", begin + bytes, " do not match their checksum"));
}

void VerifiedFile::read(void* to, std::int64_t bytes, std::int64_t offset) {
  ENSURE(offset >= 0 && bytes >= 0 && bytes <= expected_.bytes && offset <= expected_.bytes - bytes, file_.path(), ": ",
         bytes, " bytes at ", offset, " of ", expected_.bytes);
  auto* at = static_cast<std::byte*>(to);
  while (bytes > 0) {
    const std::int64_t index = offset / kChunkBytes;
    const std::int64_t skip = offset % kChunkBytes;
    const std::int64_t n = std::min(bytes, chunk_bytes(index) - skip);
    if (n == chunk_bytes(index) && index != buffered_) {
      read_chunk(at, index);  // all of it is wanted: no detour through the buffer
    } else {
      if (index != buffered_) {
        buffered_ = -1;
        read_chunk(buffer_.data(), index);
        buffered_ = index;
      }
      std::memcpy(at, buffer_.data() + skip, static_cast<std::size_t>(n));
    }
    at += n, offset += n, bytes -= n;
  }
}

void VerifiedFile::verify_all() {
  for (std::int64_t index = 0; index < chunk_count(expected_.bytes); ++index) read_chunk(buffer_.data(), index);
  buffered_ = -1;
}

}  // namespace phalanx::checkpoint
