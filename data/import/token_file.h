// Little-endian numbers in files of others: token ids of any integer type, and arrays of an index, read in blocks.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/file.h"
#include "data/tokenizer/tokenizer.h"

namespace phalanx::data {

static_assert(std::endian::native == std::endian::little);

enum class TokenType : std::uint8_t { u8, i8, u16, i16, u32, i32, i64 };

std::int64_t bytes_of(TokenType type);

// Throws the Error of a file whose ids are not those of the tokenizer: "<place>: id <id> ...".
[[noreturn]] void refuse_id(const std::string& place, std::int64_t id, std::int64_t vocabulary);

class TokenFile {
 public:
  static constexpr std::int64_t kBlock = std::int64_t{1} << 16;  // tokens that one call of read() gives at most

  // Ids must be in [0, vocabulary).
  TokenFile(const std::string& path, std::int64_t vocabulary)
      : file_(File::open_for_reading(path)), vocabulary_(vocabulary) {}

  [[nodiscard]] const std::string& path() const { return file_.path(); }
  [[nodiscard]] std::int64_t bytes() const { return file_.bytes(); }

  // Calls visit(ids) with blocks of the `count` ids from byte `offset` on, in order. Throws Error naming file and byte.
  template <class Visit>
  void for_each_block(TokenType type, std::int64_t offset, std::int64_t count, Visit&& visit) {
    while (count > 0) {
      const std::int64_t n = count < kBlock ? count : kBlock;
      visit(read(type, offset, n));
      offset += n * bytes_of(type);
      count -= n;
    }
  }

 private:
  const std::vector<TokenId>& read(TokenType type, std::int64_t offset, std::int64_t count);
  const std::byte* bytes_at(std::int64_t offset, std::int64_t bytes);
  template <class T>
  void convert(const std::byte* from, std::int64_t offset, std::int64_t count);

  File file_;
  std::int64_t vocabulary_;
  std::vector<std::byte> buffer_;  // bytes of the file from buffer_begin_ on
  std::int64_t buffer_begin_ = 0;
  std::vector<TokenId> ids_;
};

// An array of T at byte `offset`, element after element. It must lie inside the file.
template <class T>
class ArrayReader {
 public:
  ArrayReader(const File& file, std::int64_t offset, std::int64_t count) : file_(file), offset_(offset), left_(count) {}

  // Byte at which the element that next() gives stands.
  [[nodiscard]] std::int64_t offset() const {
    return offset_ - static_cast<std::int64_t>((block_.size() - at_) * sizeof(T));
  }
  T next() {
    if (at_ == block_.size()) fill();
    return block_[at_++];
  }

 private:
  void fill() {
    constexpr std::int64_t kBlock = 8192;
    const std::int64_t n = left_ < kBlock ? left_ : kBlock;
    block_.resize(static_cast<std::size_t>(n));
    file_.read(block_.data(), n * static_cast<std::int64_t>(sizeof(T)), offset_);
    offset_ += n * static_cast<std::int64_t>(sizeof(T));
    left_ -= n;
    at_ = 0;
  }

  const File& file_;
  std::int64_t offset_, left_;
  std::vector<T> block_;
  std::size_t at_ = 0;
};

}  // namespace phalanx::data
