#include "data/tokenizer/unicode.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <vector>

namespace phalanx::data {
namespace {

constexpr char32_t kCodePoints = 0x110000;

CharClass class_from_category(UCharCategory category) {
  switch (category) {
    case U_UPPERCASE_LETTER:
    case U_LOWERCASE_LETTER:
    case U_TITLECASE_LETTER:
    case U_MODIFIER_LETTER:
    case U_OTHER_LETTER: return CharClass::letter;
    case U_DECIMAL_DIGIT_NUMBER:
    case U_LETTER_NUMBER:
    case U_OTHER_NUMBER: return CharClass::number;
    default: return CharClass::other;
  }
}

UBool fill_range(const void* table, UChar32 begin, UChar32 end, UCharCategory category) {
  auto& classes = *static_cast<std::vector<CharClass>*>(const_cast<void*>(table));
  std::fill(classes.begin() + begin, classes.begin() + end, class_from_category(category));
  return 1;
}

// One byte for each code point: 1.1 MB, of which a text touches the few pages of its scripts.
std::vector<CharClass> make_classes() {
  std::vector<CharClass> classes(kCodePoints, CharClass::other);
  u_enumCharTypes(fill_range, &classes);
  for (UChar32 c = 0; c <= 0x3000; ++c) {  // the last White_Space is U+3000
    if (u_isUWhiteSpace(c) != 0) classes[static_cast<std::size_t>(c)] = CharClass::space;
  }
  return classes;
}

const std::vector<CharClass>& classes() {
  static const std::vector<CharClass> table = make_classes();
  return table;
}

}  // namespace

CharClass char_class(char32_t code_point) {
  return code_point < kCodePoints ? classes()[code_point] : CharClass::other;
}

const std::array<CharClass, 128>& ascii_classes() {
  static const std::array<CharClass, 128> table = ascii_table(char_class);
  return table;
}

}  // namespace phalanx::data
