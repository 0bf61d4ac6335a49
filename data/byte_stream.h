// Bytes of a file or of standard input, decompressed while they are read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace phalanx::data {

enum class Compression { none, gzip, zstd };

class ByteStream {
 public:
  virtual ~ByteStream() = default;
  ByteStream() = default;
  ByteStream(const ByteStream&) = delete;
  ByteStream& operator=(const ByteStream&) = delete;

  // Fills `buffer` as far as the stream goes; fewer than `bytes` only at its end. Throws Error naming the file: a
  // failed read, damaged or cut off compressed data.
  virtual std::size_t read(char* buffer, std::size_t bytes) = 0;
  // Bytes taken from the file so far, compressed as they are.
  [[nodiscard]] virtual std::int64_t file_bytes_read() const = 0;
};

// "-" is standard input. Concatenated gzip members and zstd frames are one stream. Throws Error if it cannot be opened.
std::unique_ptr<ByteStream> open_byte_stream(const std::string& path, Compression compression);

}  // namespace phalanx::data
