// Sampler: which window of which source the sequence at a position of the run is. A pure function of (seed, position):
// nothing is built, nothing is remembered, resuming costs nothing.
//
// Block b of 1,024 positions holds C_s(b + 1) - C_s(b) - (the same for s - 1) positions of source s, where
// C_s(b) = floor(1024 b W_s) and W_s is the share of sources 0 to s; a keyed permutation shuffles them. The n-th visit
// to a source of n_s windows reads window pi(n mod n_s) of its epoch n div n_s, pi keyed by source and epoch: each
// epoch visits each window once.
#pragma once

#include <cstdint>
#include <vector>

namespace phalanx::data {

struct SamplerSource {
  double weight = 1.0;       // relative
  std::int64_t windows = 0;  // n_s, at least 1
};

struct Sample {
  std::size_t source = 0;
  std::int64_t window = 0;
  std::int64_t epoch = 0;  // of the source; for tests

  bool operator==(const Sample&) const = default;
};

class Sampler {
 public:
  static constexpr std::int64_t kBlock = 1024;
  // Smallest share of a source: with at least one position per block the counts above are never negative.
  static constexpr double kMinShare = 0.001;

  // Throws UsageError for a weight that is not positive and finite, or below kMinShare of their sum.
  Sampler(std::uint64_t seed, const std::vector<SamplerSource>& sources);

  // position in [0, 2^40).
  [[nodiscard]] Sample at(std::int64_t position) const;

 private:
  [[nodiscard]] std::int64_t cumulative(std::size_t sources, std::int64_t block) const;

  std::uint64_t seed_;
  std::vector<double> shares_;  // W_s, the last one is 1
  std::vector<std::int64_t> windows_;
};

}  // namespace phalanx::data
