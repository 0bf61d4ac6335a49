// ProofInputs: the fixed inputs on which two sets of weights are compared.
#pragma once

#include <cstdint>
#include <vector>

#include "core/batch.h"
#include "trainer/config/config.h"
#include "trainer/hf/family.h"

namespace phalanx::hf {

// kSequences sequences of T tokens below V, drawn by counter, a batch each. Causal: each token is the target of the one
// before it. Masked: of different lengths with padding behind them, kPredictions positions of each with a target, and
// where the model has them two segments and a next-sentence label.
struct ProofInputs {
  static constexpr std::int64_t kSequences = 8;
  static constexpr std::int64_t kLongest = 128;  // tokens
  static constexpr int kPredictions = 5;

  // Of ids.pad: tokens other than padding are never it.
  ProofInputs(const config::Config& config, const SpecialIds& ids);

  bool masked = false;
  std::int64_t T = 0;                   // min(context, kLongest)
  std::vector<Batch> batches;           // one sequence each
  std::vector<std::int32_t> positions;  // whose logits are compared: causal (P), ascending, the last is T - 1; masked
                                        // (kSequences, kPredictions)

 private:
  void add_causal(std::int64_t V);
  void add_masked(const config::Config& config, std::int32_t pad);
};

}  // namespace phalanx::hf
