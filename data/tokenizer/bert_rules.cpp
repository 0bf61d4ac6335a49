#include "data/tokenizer/bert_rules.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "data/tokenizer/unicode.h"

namespace phalanx::data {
namespace {

constexpr char32_t kCodePoints = 0x110000;
constexpr std::uint8_t kUnicode = 8;  // major version whose categories count

using Table = std::vector<BertClass>;  // one byte for each code point

struct Range {
  char32_t first, last;
  BertClass kind;
};

// BERT's own list starts the block of extension E at U+2B820; the widespread port begins 256 later, and so do we.
constexpr Range kIdeographs[] = {
    {0x3400, 0x4DBF, BertClass::ideograph},   {0x4E00, 0x9FFF, BertClass::ideograph},
    {0xF900, 0xFAFF, BertClass::ideograph},   {0x20000, 0x2A6DF, BertClass::ideograph},
    {0x2A700, 0x2B73F, BertClass::ideograph}, {0x2B740, 0x2B81F, BertClass::ideograph},
    {0x2B920, 0x2CEAF, BertClass::ideograph}, {0x2F800, 0x2FA1F, BertClass::ideograph},
};

// Categories that later versions of Unicode changed.
constexpr Range kChanged[] = {
    {0x166D, 0x166D, BertClass::punctuation},   {0x1734, 0x1734, BertClass::mark},  {0x1885, 0x1886, BertClass::plain},
    {0x111C9, 0x111C9, BertClass::punctuation}, {0xA9BD, 0xA9BD, BertClass::plain},
};

// ASCII signs that Unicode has as symbols. BERT treats them as punctuation.
constexpr std::string_view kAsciiSymbols = "$+<=>^`|~";

BertClass class_of_category(UCharCategory category) {
  switch (category) {
    case U_CONTROL_CHAR:
    case U_FORMAT_CHAR:
    case U_PRIVATE_USE_CHAR: return BertClass::removed;
    case U_CONNECTOR_PUNCTUATION:
    case U_DASH_PUNCTUATION:
    case U_START_PUNCTUATION:
    case U_END_PUNCTUATION:
    case U_INITIAL_PUNCTUATION:
    case U_FINAL_PUNCTUATION:
    case U_OTHER_PUNCTUATION: return BertClass::punctuation;
    case U_NON_SPACING_MARK: return BertClass::mark;
    default: return BertClass::plain;
  }
}

bool is_old_enough(UChar32 c) {
  UVersionInfo age;
  u_charAge(c, age);
  return age[0] <= kUnicode;
}

UBool fill_range(const void* context, UChar32 begin, UChar32 end, UCharCategory category) {
  Table& table = *static_cast<Table*>(const_cast<void*>(context));
  const BertClass kind = class_of_category(category);
  if (kind == BertClass::plain) return 1;
  for (UChar32 c = begin; c < end; ++c) {
    if (is_old_enough(c)) table[static_cast<std::size_t>(c)] = kind;
  }
  return 1;
}

template <std::size_t n>
void fill(Table& table, const Range (&ranges)[n]) {
  for (const auto& [first, last, kind] : ranges) std::fill(table.begin() + first, table.begin() + last + 1, kind);
}

Table make_table() {
  Table table(kCodePoints, BertClass::plain);
  u_enumCharTypes(fill_range, &table);
  fill(table, kChanged);
  fill(table, kIdeographs);
  for (const char sign : kAsciiSymbols) table[static_cast<unsigned char>(sign)] = BertClass::punctuation;
  for (UChar32 c = 0; c <= 0x3000; ++c) {  // the last White_Space is U+3000
    BertClass& kind = table[static_cast<std::size_t>(c)];
    if (u_isUWhiteSpace(c) != 0 && kind != BertClass::removed) kind = BertClass::space;
  }
  for (const char c : {'\t', '\n', '\r'}) table[static_cast<unsigned char>(c)] = BertClass::space;
  table[0xFFFD] = BertClass::removed;
  return table;
}

}  // namespace

BertClass bert_class(char32_t code_point) {
  static const Table table = make_table();
  return code_point < kCodePoints ? table[code_point] : BertClass::removed;
}

const std::array<BertClass, 128>& ascii_bert_classes() {
  static const std::array<BertClass, 128> table = ascii_table(bert_class);
  return table;
}

}  // namespace phalanx::data
