// Tokens of any integer type through one buffer; sequences are mostly shorter than a block.
#include "data/import/token_file.h"

#include <algorithm>
#include <cstring>

#include "core/check.h"

namespace phalanx::data {

std::int64_t bytes_of(TokenType type) {
  switch (type) {
    case TokenType::u8:
    case TokenType::i8: return 1;
    case TokenType::u16:
    case TokenType::i16: return 2;
    case TokenType::u32:
    case TokenType::i32: return 4;
    case TokenType::i64: return 8;
  }
  return 0;
}

void refuse_id(const std::string& place, std::int64_t id, std::int64_t vocabulary) {
  throw Error(str(place, ": id ", id, " is not in the vocabulary of ", vocabulary,
                  " entries: --tokenizer must be the one that made the tokens"));
}

// Valid until the next call.
const std::byte* TokenFile::bytes_at(std::int64_t offset, std::int64_t bytes) {
  const std::int64_t buffer_end = buffer_begin_ + static_cast<std::int64_t>(buffer_.size());
  if (offset < buffer_begin_ || offset + bytes > buffer_end) {
    const std::int64_t ahead = std::max(bytes, std::min(kBlock * 8, file_.bytes() - offset));
    buffer_.clear();  // or a failed read would leave what is not there
    std::vector<std::byte> block(static_cast<std::size_t>(ahead));
    file_.read(block.data(), ahead, offset);
    buffer_ = std::move(block);
    buffer_begin_ = offset;
  }
  return buffer_.data() + (offset - buffer_begin_);
}

template <class T>
void TokenFile::convert(const std::byte* from, std::int64_t offset, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    T id{};
    std::memcpy(&id, from + i * static_cast<std::int64_t>(sizeof(T)), sizeof(T));
    const auto wide = static_cast<std::int64_t>(id);  // NOLINT(bugprone-signed-char-misuse): a sign is meant
    if (wide < 0 || wide >= vocabulary_) {
      refuse_id(str(path(), ", byte ", offset + i * static_cast<std::int64_t>(sizeof(T))), wide, vocabulary_);
    }
    ids_[static_cast<std::size_t>(i)] = static_cast<TokenId>(wide);
  }
}

const std::vector<TokenId>& TokenFile::read(TokenType type, std::int64_t offset, std::int64_t count) {
  const std::byte* from = bytes_at(offset, count * bytes_of(type));
  ids_.resize(static_cast<std::size_t>(count));
  switch (type) {
    case TokenType::u8: convert<std::uint8_t>(from, offset, count); break;
    case TokenType::i8: convert<std::int8_t>(from, offset, count); break;
    case TokenType::u16: convert<std::uint16_t>(from, offset, count); break;
    case TokenType::i16: convert<std::int16_t>(from, offset, count); break;
    case TokenType::u32: convert<std::uint32_t>(from, offset, count); break;
    case TokenType::i32: convert<std::int32_t>(from, offset, count); break;
    case TokenType::i64: convert<std::int64_t>(from, offset, count); break;
  }
  return ids_;
}

}  // namespace phalanx::data
