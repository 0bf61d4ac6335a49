// BpeMerger: turns one word into ids by doing merges, always the one of lowest rank, the leftmost first.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "data/tokenizer/bpe_model.h"

namespace phalanx::data {

class BpeMerger {
 public:
  explicit BpeMerger(const BpeModel& model);

  // Appends the ids of a word. Time: n^2 with a tiny constant up to 64 bytes, n log n beyond. Words up to 2 GiB.
  void merge(std::string_view word, std::vector<TokenId>& ids) const;

 private:
  static constexpr std::size_t kShort = 64;  // bytes

  [[nodiscard]] std::uint32_t rank_of(TokenId left, TokenId right) const { return ranks_.find(left, right); }
  void merge_short(std::string_view word, std::vector<TokenId>& ids) const;
  void merge_long(std::string_view word, std::vector<TokenId>& ids) const;

  std::array<TokenId, 256> id_of_byte_{};
  PairMap ranks_;
  std::vector<TokenId> results_;  // by rank
};

}  // namespace phalanx::data
