#include "data/tokenizer/pretokenize.h"

#include "data/utf8.h"

namespace phalanx::data {
namespace {

// Length of the contraction at the start of `text`, 0 if there is none.
std::size_t contraction_length(std::string_view text) {
  if (text.size() < 2 || text[0] != '\'') return 0;
  switch (text[1]) {
    case 's':
    case 't':
    case 'm':
    case 'd': return 2;
    default: break;
  }
  const std::string_view two = text.substr(1, 2);
  return two == "re" || two == "ve" || two == "ll" ? 3 : 0;
}

}  // namespace

WordScanner::WordScanner(std::string_view text)
    : ascii_(ascii_classes()), at_(text.data()), end_(text.data() + text.size()) {}

WordScanner::Char WordScanner::char_at(const char* p) const {
  const auto byte = static_cast<unsigned char>(*p);
  if (byte < 0x80) return {ascii_[byte], 1};
  const CodePoint c = decode_utf8({p, static_cast<std::size_t>(end_ - p)});
  return {char_class(c.value), c.bytes};
}

const char* WordScanner::skip(const char* p, CharClass kind) const {
  while (p < end_) {
    const Char c = char_at(p);
    if (c.kind != kind) break;
    p += c.bytes;
  }
  return p;
}

// White space up to the end of the text is one word. Before something else, its last character is left to what follows
// (which takes it if it is a space), unless it is the only one.
const char* WordScanner::end_of_spaces(const char* p) const {
  const char* const begin = p;
  const char* last = p;
  while (p < end_) {
    const Char c = char_at(p);
    if (c.kind != CharClass::space) return last > begin ? last : p;
    last = p;
    p += c.bytes;
  }
  return p;
}

const char* WordScanner::end_of_word(const char* p) const {
  const std::size_t contraction = contraction_length({p, static_cast<std::size_t>(end_ - p)});
  if (contraction > 0) return p + contraction;
  const char* const body = *p == ' ' ? p + 1 : p;
  if (body < end_) {
    const Char c = char_at(body);
    if (c.kind != CharClass::space) return skip(body + c.bytes, c.kind);
  }
  return end_of_spaces(p);
}

bool WordScanner::next(std::string_view& word) {
  if (at_ == end_) return false;
  const char* const begin = at_;
  at_ = end_of_word(begin);
  word = {begin, static_cast<std::size_t>(at_ - begin)};
  return true;
}

}  // namespace phalanx::data
