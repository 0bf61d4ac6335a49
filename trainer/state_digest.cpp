#include "trainer/state_digest.h"

#include <charconv>

#include "core/check.h"

namespace phalanx {

// FNV-1a (Fowler, Noll, Vo).
std::uint64_t digest_factor(const std::string& name) {
  std::uint64_t hash = 0xCBF29CE484222325;
  for (const char letter : name) hash = (hash ^ static_cast<unsigned char>(letter)) * 0x100000001B3;
  return hash | 1;
}

std::uint64_t combined(const StateDigest& digest) { return digest.master + 3 * digest.m + 5 * digest.v; }

std::string digest_text(std::uint64_t digest) {
  std::string text(16, '0');
  for (std::size_t i = 0; i < text.size(); ++i) text[15 - i] = "0123456789abcdef"[digest >> (4 * i) & 15];
  return text;
}

std::uint64_t digest_from_text(const std::string& text) {
  std::uint64_t digest = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, digest, 16);
  ENSURE(text.size() == 16 && read.ec == std::errc{} && read.ptr == end, "'", text, "' is no digest");
  return digest;
}

}  // namespace phalanx
