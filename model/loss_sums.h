// What a step divides its losses by, and what a network adds up.
#pragma once

#include <array>
#include <cstdint>

namespace phalanx {

// One factor per term of the loss, known before the first backward of a step. A term with nothing to predict has the
// factor 0.
struct LossScale {
  double tokens = 1.0;     // 1 / predicted tokens of the global batch, times the loss scale
  double sentences = 0.0;  // 1 / predicted sentence pairs of the global batch, times the loss scale
};

// What a network adds up over the sequences it is given: indices into its `sums`.
enum LossSum : std::uint8_t {
  kTokenLoss,         // of -log p of the targets
  kSentenceLoss,      // of -log p of the next-sentence labels
  kCorrectTokens,     // targets that have the largest logit of their row
  kCorrectSentences,  // likewise labels
  kLossSums           // how many there are
};
using LossSums = std::array<double, kLossSums>;

}  // namespace phalanx
