// A fast 64-bit hash of short byte strings, for tables in memory only: it differs between machines of different byte
// order.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace phalanx::data {

namespace detail {
template <class Word>
std::uint64_t load_as(const char* p) {
  Word word;
  std::memcpy(&word, p, sizeof word);
  return word;
}
inline std::uint64_t mix(std::uint64_t hash, std::uint64_t word) {
  hash = (hash ^ word) * 0x9E3779B97F4A7C15U;
  return hash ^ hash >> 32;
}
}  // namespace detail

inline std::uint64_t hash_word(std::string_view word) {
  const char* p = word.data();
  const std::size_t size = word.size();
  std::uint64_t hash = size;
  if (size >= 8) {  // whole words, then the last eight bytes, which may overlap them
    for (const char* const last = p + size - 8; p < last; p += 8)
      hash = detail::mix(hash, detail::load_as<std::uint64_t>(p));
    return detail::mix(hash, detail::load_as<std::uint64_t>(word.data() + size - 8));
  }
  if (size >= 4) {
    return detail::mix(hash, detail::load_as<std::uint32_t>(p) << 32 | detail::load_as<std::uint32_t>(p + size - 4));
  }
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < size; ++i) bytes = bytes << 8 | static_cast<unsigned char>(p[i]);
  return detail::mix(hash, bytes);
}

}  // namespace phalanx::data
