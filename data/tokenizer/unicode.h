// The classes of characters that tokenizers tell apart, from ICU's Unicode data.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace phalanx::data {

// \p{L}, \p{N}, \s (property White_Space), and the rest; an ill-formed byte belongs to the rest.
enum class CharClass : std::uint8_t { other, letter, number, space };

CharClass char_class(char32_t code_point);

// class_of(c) of the 128 ASCII code points.
template <class ClassOf>
auto ascii_table(ClassOf&& class_of) {
  std::array<decltype(class_of(U'a')), 128> table;
  for (std::size_t c = 0; c < table.size(); ++c) table[c] = class_of(static_cast<char32_t>(c));
  return table;
}

// char_class of the 128 ASCII code points.
const std::array<CharClass, 128>& ascii_classes();

}  // namespace phalanx::data
