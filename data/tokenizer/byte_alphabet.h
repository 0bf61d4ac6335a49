// GPT-2's alphabet: each byte has a printable character, so that tokens, which are bytes, can be written in text files.
// Also the order of the 256 byte tokens, which GPT-2 and everybody after it gives the ids 0 to 255.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace phalanx::data {

// Bytes in the order of their characters: '!' ... '~', 0xA1 ... 0xAC, 0xAE ... 0xFF, then the others, ascending.
const std::array<std::uint8_t, 256>& alphabet_order();

std::string to_alphabet(std::string_view bytes);

// The inverse; nothing when a character is not of the alphabet.
std::optional<std::string> from_alphabet(std::string_view text);

}  // namespace phalanx::data
