// PairMap: an open-addressing hash map from a pair of token ids to a 32-bit value. Nothing is ever removed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "data/tokenizer/tokenizer.h"

namespace phalanx::data {

using TokenPair = std::pair<TokenId, TokenId>;

class PairMap {
 public:
  static constexpr std::uint32_t kNone = 0xFFFFFFFF;

  explicit PairMap(std::size_t expected = 0);

  // The value of a pair, kNone when it has none.
  [[nodiscard]] std::uint32_t find(TokenId left, TokenId right) const {
    const std::uint64_t key = key_of(left, right);
    for (std::size_t i = home_of(key);; i = (i + 1) & mask_) {
      if (slots_[i].key == key) return slots_[i].value;
      if (slots_[i].key == kEmpty) return kNone;
    }
  }

  // The value of a pair; a new pair gets `value`.
  std::uint32_t find_or_insert(TokenId left, TokenId right, std::uint32_t value);
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  static constexpr std::uint64_t kEmpty = ~std::uint64_t{0};  // no pair: ids are not negative
  struct Slot {
    std::uint64_t key = kEmpty;
    std::uint32_t value = kNone;
  };

  static std::uint64_t key_of(TokenId left, TokenId right) {
    return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 | static_cast<std::uint32_t>(right);
  }
  // Fibonacci hashing: the upper bits of the product are the mixed ones.
  [[nodiscard]] std::size_t home_of(std::uint64_t key) const {
    return static_cast<std::size_t>((key ^ key >> 29) * 0x9E3779B97F4A7C15U >> shift_);
  }
  [[nodiscard]] std::size_t slot_of(std::uint64_t key) const;
  void rehash(std::size_t capacity);

  std::vector<Slot> slots_;
  std::size_t mask_ = 0;
  int shift_ = 0;
  std::size_t size_ = 0;
};

}  // namespace phalanx::data
