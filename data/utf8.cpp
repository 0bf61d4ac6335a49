#include "data/utf8.h"

#include <cstring>

namespace phalanx::data {
namespace {

// Bytes of the character that begins at `p`, or minus the length of the ill-formed sequence there (Unicode 15, table
// 3-7: the second byte's range depends on the first).
int utf8_length(const unsigned char* p, const unsigned char* end) {
  const unsigned first = *p;
  if (first < 0x80) return 1;
  if (first < 0xC2 || first > 0xF4) return -1;
  const int length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  unsigned low = 0x80, high = 0xBF;
  if (first == 0xE0) low = 0xA0;
  if (first == 0xED) high = 0x9F;
  if (first == 0xF0) low = 0x90;
  if (first == 0xF4) high = 0x8F;
  for (int i = 1; i < length; ++i) {
    if (p + i == end || p[i] < low || p[i] > high) return -i;
    low = 0x80;
    high = 0xBF;
  }
  return length;
}

}  // namespace

CodePoint decode_utf8(std::string_view text) {
  const auto* p = reinterpret_cast<const unsigned char*>(text.data());
  const int length = utf8_length(p, p + text.size());
  if (length < 0) return {};
  if (length == 1) return {*p, 1};
  char32_t value = *p & (0x7FU >> length);  // the bits of the lead byte that belong to the value
  for (int i = 1; i < length; ++i) value = value << 6 | (p[i] & 0x3FU);
  return {value, static_cast<std::uint32_t>(length)};
}

bool is_utf8(std::string_view text) { return count_invalid_utf8(text) == 0; }

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

std::int64_t count_invalid_utf8(std::string_view text) {
  const auto* p = reinterpret_cast<const unsigned char*>(text.data());
  const auto* end = p + text.size();
  std::int64_t invalid = 0;
  while (p < end) {
    std::uint64_t word = 0;
    while (end - p >= 8) {  // most text is ASCII
      std::memcpy(&word, p, 8);
      if ((word & 0x8080808080808080ULL) != 0) break;
      p += 8;
    }
    if (p == end) break;
    const int length = utf8_length(p, end);
    invalid += length < 0 ? 1 : 0;
    p += length < 0 ? -length : length;
  }
  return invalid;
}

}  // namespace phalanx::data
