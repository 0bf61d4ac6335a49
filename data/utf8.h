// UTF-8: code points of text, and what is well-formed.
#pragma once

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

// Ill-formed sequences, counted as Unicode recommends to replace them (maximal subparts).
std::int64_t count_invalid_utf8(std::string_view text);

}  // namespace phalanx::data
