// Drawing one token from logits: temperature, top-k, nucleus (Holtzman et al., arXiv 1904.09751). Pure functions.
#pragma once

#include <cstdint>
#include <vector>

namespace phalanx {

struct SamplingOptions {
  double temperature = 1.0;  // 0: the most likely token
  std::int64_t top_k = 0;    // draw among the k most likely; 0: all
  double top_p = 1.0;        // and among the fewest whose probabilities reach p
  std::uint64_t seed = 0;
};

// Probabilities that `options` leaves of the logits, in fp64; they add up to 1.
std::vector<double> sampling_probabilities(const std::vector<float>& logits, const SamplingOptions& options);

// The token at `position` of the text: the same for the same seed, logits and position. Ties go to the lower id.
std::int32_t sample_token(const std::vector<float>& logits, const SamplingOptions& options, std::int64_t position);

}  // namespace phalanx
