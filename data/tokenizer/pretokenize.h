// GPT-2's pre-tokenisation: cuts a text into words, exactly as this pattern matches them one after the other:
//   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
// The words cover the text without gaps. An ill-formed byte counts as a character that is neither space, letter nor
// number.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "data/tokenizer/unicode.h"

namespace phalanx::data {

class WordScanner {
 public:
  explicit WordScanner(std::string_view text);

  // The next word, never empty; false at the end of the text. Views into the text.
  bool next(std::string_view& word);

 private:
  struct Char {
    CharClass kind;
    std::uint32_t bytes;
  };
  [[nodiscard]] Char char_at(const char* p) const;
  [[nodiscard]] const char* skip(const char* p, CharClass kind) const;
  [[nodiscard]] const char* end_of_spaces(const char* p) const;
  [[nodiscard]] const char* end_of_word(const char* p) const;

  const std::array<CharClass, 128>& ascii_;
  const char* at_;
  const char* end_;
};

}  // namespace phalanx::data
