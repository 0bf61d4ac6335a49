// What BERT makes of a single code point when it reads text. WordPiece stands on these rules.
//
// The categories are those of Unicode 8, whatever ICU's version: the tokenizers that people compare with (Hugging
// Face's tokenizers library) have kept them, so a token id never depends on the library that is installed.
#pragma once

#include <array>
#include <cstdint>

namespace phalanx::data {

struct BertTextOptions {
  bool lower_case = true;
  bool strip_accents = true;  // take characters apart (NFD) and leave out their nonspacing marks
  bool space_ideographs = true;
  bool operator==(const BertTextOptions&) const = default;
};

enum class BertClass : std::uint8_t {
  plain,
  removed,      // control and format characters, private use, U+FFFD, and ill-formed bytes
  space,        // property White_Space, unless it is a control character other than tab, line feed, carriage return
  punctuation,  // categories P*, and all ASCII signs; a word of its own
  ideograph,    // of the CJK blocks that BERT lists; a word of its own if `space_ideographs`
  mark,         // nonspacing
};

BertClass bert_class(char32_t code_point);

// bert_class of the 128 ASCII code points.
const std::array<BertClass, 128>& ascii_bert_classes();

}  // namespace phalanx::data
