// Cutting between pretokens.
#include "data/text_cut.h"

#include <algorithm>

namespace phalanx::data {
namespace {

// Whether a character that is not white space begins here. White space of Unicode begins with the bytes C2, E1 9A,
// E2 80, E2 81 or E3 80; a continuation byte says nothing about its character.
bool begins_visible(std::string_view rest) {
  const auto first = static_cast<unsigned char>(rest[0]);
  if (first < 0x80) return first > 0x20 && first != 0x7F;
  if (first < 0xC3) return false;
  if (first < 0xE1 || first > 0xE3) return true;
  if (rest.size() < 2) return false;
  const auto second = static_cast<unsigned char>(rest[1]);
  return first == 0xE1 ? second != 0x9A : first == 0xE2 ? second != 0x80 && second != 0x81 : second != 0x80;
}

// Whether `text` may be cut before `at`; 0 < at < text.size(). A cut behind the last character of a run of white space
// would join that character to the run, which at the end of a text is one word.
bool may_cut(std::string_view text, std::size_t at) {
  return (text[at] == ' ' || text[at] == '\n') && at + 1 < text.size() && begins_visible(text.substr(at + 1));
}

}  // namespace

std::size_t find_cut(std::string_view text, std::size_t from, std::size_t limit) {
  from = std::max<std::size_t>(from, 1);
  for (std::size_t at = std::min(limit, text.size() - 1); at >= from; --at) {
    if (may_cut(text, at)) return at;
  }
  for (std::size_t at = std::max(from, limit + 1); at < text.size(); ++at) {
    if (may_cut(text, at)) return at;
  }
  return text.size() + 1;
}

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\n\v\f\r") == std::string_view::npos; }

}  // namespace phalanx::data
