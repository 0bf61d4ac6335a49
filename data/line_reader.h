// Lines of a byte stream in bounded memory.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "data/byte_stream.h"

namespace phalanx::data {

class LineReader {
 public:
  static constexpr std::size_t kMaxLineBytes = std::size_t{32} << 20;
  static constexpr std::size_t kBlockBytes = std::size_t{256} << 10;

  // `name` is for messages. Skips a UTF-8 byte order mark; throws Error if the text is UTF-16.
  LineReader(std::unique_ptr<ByteStream> stream, std::string name);

  // The next line without its end ("\n" or "\r\n"), valid until the next call; false at the end. Throws Error naming
  // the line if it is longer than kMaxLineBytes.
  bool next(std::string_view& line);
  // Appends up to kBlockBytes of raw bytes; false when there are no more. Not to be mixed with next().
  bool next_block(std::string& out);

  [[nodiscard]] std::int64_t line_number() const { return line_number_; }  // of the last line, from 1
  [[nodiscard]] std::int64_t file_bytes_read() const { return stream_->file_bytes_read(); }

 private:
  bool fill();

  std::unique_ptr<ByteStream> stream_;
  std::string name_;
  std::string buffer_;
  std::size_t begin_ = 0;  // of what has not been delivered
  bool at_end_ = false;    // of the stream
  std::int64_t line_number_ = 0;
};

}  // namespace phalanx::data
