// Code points of UTF-8 text and the classes that tokenizers tell apart. The classes come from ICU's Unicode data.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace phalanx::data {

inline constexpr char32_t kInvalidCodePoint = 0xFFFFFFFF;

struct CodePoint {
  char32_t value = kInvalidCodePoint;
  std::uint32_t bytes = 1;  // that it takes; an ill-formed sequence is taken one byte at a time
};

// The code point at the start of `text`, which must not be empty. Overlong forms, surrogates and values above U+10FFFF
// are ill-formed.
CodePoint decode_utf8(std::string_view text);

// Appends the UTF-8 form of a code point (no surrogate, at most U+10FFFF).
void append_utf8(std::string& text, char32_t code_point);

// Whether all of it is well-formed.
bool is_utf8(std::string_view text);

// \p{L}, \p{N}, \s (property White_Space), and the rest; an ill-formed byte belongs to the rest.
enum class CharClass : std::uint8_t { other, letter, number, space };

CharClass char_class(char32_t code_point);

// char_class of the 128 ASCII code points.
const std::array<CharClass, 128>& ascii_classes();

}  // namespace phalanx::data
