#include "data/tokenizer/byte_alphabet.h"

#include "data/utf8.h"

namespace phalanx::data {
namespace {

// Bytes that are printable as they are in Latin-1 stand for themselves; the others take U+0100, U+0101, ...
bool stands_for_itself(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

constexpr char32_t kMoved = 0x100;
constexpr std::size_t kPlain = 188;  // bytes that stand for themselves

}  // namespace

const std::array<std::uint8_t, 256>& alphabet_order() {
  static const std::array<std::uint8_t, 256> order = [] {
    std::array<std::uint8_t, 256> bytes{};
    std::size_t plain = 0;
    std::size_t moved = kPlain;
    for (unsigned byte = 0; byte < 256; ++byte) {
      bytes[stands_for_itself(byte) ? plain++ : moved++] = static_cast<std::uint8_t>(byte);
    }
    return bytes;
  }();
  return order;
}

std::string to_alphabet(std::string_view bytes) {
  static const std::array<char32_t, 256> characters = [] {
    std::array<char32_t, 256> table{};
    char32_t next = kMoved;
    for (unsigned byte = 0; byte < 256; ++byte) table[byte] = stands_for_itself(byte) ? byte : next++;
    return table;
  }();
  std::string text;
  for (const char byte : bytes) append_utf8(text, characters[static_cast<unsigned char>(byte)]);
  return text;
}

std::optional<std::string> from_alphabet(std::string_view text) {
  std::string bytes;
  while (!text.empty()) {
    const auto [c, length] = decode_utf8(text);
    text.remove_prefix(length);
    if (c < kMoved && stands_for_itself(c)) {
      bytes += static_cast<char>(c);
    } else if (c >= kMoved && c - kMoved < 256 - kPlain) {
      bytes += static_cast<char>(alphabet_order()[kPlain + (c - kMoved)]);
    } else {
      return std::nullopt;
    }
  }
  return bytes;
}

}  // namespace phalanx::data
