#include "data/tokenizer/unicode.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <vector>

namespace phalanx::data {
namespace {

constexpr char32_t kCodePoints = 0x110000;

struct Form {
  std::uint32_t bytes;
  std::uint8_t lead_mask;  // bits of the lead byte that belong to the value
  char32_t smallest;       // below it the form is overlong
};

// What a lead byte announces; bytes = 0: it cannot lead.
Form form_of(std::uint8_t lead) {
  if (lead < 0x80) return {1, 0x7F, 0};
  if (lead >= 0xC2 && lead < 0xE0) return {2, 0x1F, 0x80};
  if (lead >= 0xE0 && lead < 0xF0) return {3, 0x0F, 0x800};
  if (lead >= 0xF0 && lead < 0xF5) return {4, 0x07, 0x10000};
  return {0, 0, 0};
}

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

CodePoint decode_utf8(std::string_view text) {
  const auto lead = static_cast<std::uint8_t>(text[0]);
  const Form form = form_of(lead);
  if (form.bytes == 0 || form.bytes > text.size()) return {};
  char32_t value = lead & form.lead_mask;
  for (std::uint32_t i = 1; i < form.bytes; ++i) {
    const auto byte = static_cast<std::uint8_t>(text[i]);
    if ((byte & 0xC0) != 0x80) return {};
    value = value << 6 | (byte & 0x3F);
  }
  const bool surrogate = value >= 0xD800 && value < 0xE000;
  if (value < form.smallest || surrogate || value >= kCodePoints) return {};
  return {value, form.bytes};
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const CodePoint c = decode_utf8(text);
    if (c.value == kInvalidCodePoint) return false;
    text.remove_prefix(c.bytes);
  }
  return true;
}

void append_utf8(std::string& text, char32_t c) {
  const auto tail = [&](int shift) { text += static_cast<char>(0x80 | (c >> shift & 0x3F)); };
  if (c < 0x80) {
    text += static_cast<char>(c);
  } else if (c < 0x800) {
    text += static_cast<char>(0xC0 | c >> 6);
    tail(0);
  } else if (c < 0x10000) {
    text += static_cast<char>(0xE0 | c >> 12);
    tail(6);
    tail(0);
  } else {
    text += static_cast<char>(0xF0 | c >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
}

CharClass char_class(char32_t code_point) {
  return code_point < kCodePoints ? classes()[code_point] : CharClass::other;
}

const std::array<CharClass, 128>& ascii_classes() {
  static const std::array<CharClass, 128> table = [] {
    std::array<CharClass, 128> ascii;
    for (std::size_t c = 0; c < ascii.size(); ++c) ascii[c] = char_class(static_cast<char32_t>(c));
    return ascii;
  }();
  return table;
}

}  // namespace phalanx::data
