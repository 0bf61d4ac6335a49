// A keyed permutation of [0, size) that needs no table: a Feistel network on the next power of two, walked along its
// cycle until it lands inside (Black and Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002).
#pragma once

#include <bit>
#include <cstdint>

#include "core/random.h"

namespace phalanx::data {

class Permutation {
 public:
  // Six rounds keyed by random_u32(key, index): index = round * 2^32 + half. 1 <= size <= 2^62.
  constexpr Permutation(const RandomKey& key, std::uint64_t size)
      : key_(key), size_(size), bits_(half_bits(size)), mask_((std::uint64_t{1} << bits_) - 1) {}

  // Where `i` in [0, size) goes: another number in [0, size). Takes fewer than four passes on average.
  [[nodiscard]] constexpr std::uint64_t operator()(std::uint64_t i) const {
    do {
      i = pass(i);
    } while (i >= size_);
    return i;
  }

 private:
  static constexpr std::uint64_t kRounds = 6;

  // Bits of each half: the network permutes [0, 4^bits), the smallest such range that holds `size` numbers.
  static constexpr int half_bits(std::uint64_t size) { return size <= 4 ? 1 : (std::bit_width(size - 1) + 1) / 2; }

  [[nodiscard]] constexpr std::uint64_t pass(std::uint64_t i) const {
    std::uint64_t left = i >> bits_, right = i & mask_;
    for (std::uint64_t round = 0; round < kRounds; ++round) {
      const std::uint64_t next = left ^ (random_u32(key_, (round << 32) | right) & mask_);
      left = right;
      right = next;
    }
    return (left << bits_) | right;
  }

  RandomKey key_;
  std::uint64_t size_;
  int bits_;
  std::uint64_t mask_;
};

}  // namespace phalanx::data
