// Masker: which tokens of a sequence are hidden, and behind what. A pure function of (seed, ordinal of the sequence).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/random.h"
#include "data/masked_lm.h"

namespace phalanx::data {

// Hides k = max(1, round(p n)) of the n tokens that are not special, exactly; with whole words up to k, as many as can
// be had. Words, or runs of objective.span of them, are taken in the order of their keys while they fit; a run ends at
// a special token. Numbers of token t of the sequence: block t of Purpose::masking (order of the word that begins
// there: lanes 0 and 1, what it is hidden behind: 2, random token: 3), and block kSpanBlock + t (length of the run).
class Masker {
 public:
  static constexpr std::uint64_t kSpanBlock = std::uint64_t{1} << 32;

  Masker(const MaskedLm& objective, std::uint64_t seed);

  // `tokens` are a sequence, at most T of them. Hides some, and writes for each of them, ascending, its id to `targets`
  // and its place, counted from `first_slot`, to `slots` (P entries both); the others get Batch::kIgnore at
  // `first_slot`. Returns how many are predicted: 0 where all tokens are special.
  std::int64_t mask(std::uint64_t ordinal, std::span<std::int32_t> tokens, std::int32_t first_slot,
                    std::span<std::int32_t> targets, std::span<std::int32_t> slots);

 private:
  // Tokens [begin, end) are hidden together or not at all.
  struct Unit {
    std::uint64_t order = 0;
    std::size_t begin = 0, end = 0;
  };
  std::size_t find_units(const RandomKey& key, std::span<const std::int32_t> tokens);
  void choose(const RandomKey& key, std::size_t wanted);
  [[nodiscard]] std::size_t run_length(const RandomKey& key, std::size_t token) const;
  [[nodiscard]] std::int32_t hidden(const RandomKey& key, std::size_t token, std::int32_t id) const;

  MaskedLm objective_;
  std::uint64_t seed_;
  std::vector<std::int32_t> ordinary_;       // ids that are not special
  std::vector<double> run_shares_;           // entry n - 1: share of runs of at most n
  std::uint64_t mask_below_, random_below_;  // of 32 random bits

  std::vector<Unit> units_;          // of the sequence, in its order
  std::vector<std::size_t> order_;   // of units, by key
  std::vector<bool> is_taken_;       // of units
  std::vector<std::size_t> chosen_;  // tokens
};

}  // namespace phalanx::data
