// What a set of weights computes on fixed inputs: the evidence that two sets are the same model.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/checkpoint/checkpoint.h"
#include "trainer/config/config.h"
#include "trainer/hf/model_folder.h"

namespace phalanx::hf {

// The fixed inputs: kSequences sequences of T tokens below V, drawn by counter, each token the target of the one before
// it; and the positions whose logits are kept.
struct ProofInputs {
  static constexpr std::int64_t kSequences = 8;
  static constexpr std::int64_t kLongest = 128;  // tokens

  explicit ProofInputs(const config::Model& model);
  std::int64_t T = 0;                   // min(context, kLongest)
  std::vector<std::int32_t> tokens;     // (kSequences, T + 1): one more, for the last target
  std::vector<std::int32_t> positions;  // ascending; the last is T - 1
};

struct Evidence {
  std::vector<float> logits;  // (kSequences, positions, V)
  double loss = 0;            // nats per token, over all tokens of all sequences
  std::uint64_t weights = 0;  // digest of the fp32 weights
};

// Of the weights of a checkpoint, each rounded to `dtype`, and of the weights of a folder. Computed in fp32 by one
// rank; memory: one model. Throws Error when logits are not finite.
Evidence evidence_of(const checkpoint::Manifest& manifest, DType dtype);
Evidence evidence_of(const ModelFolder& folder);

// The largest difference of two logits. Throws ENSURE's Error unless both are of the same inputs and model.
double largest_difference(const Evidence& a, const Evidence& b);

// Throws Error saying what differs unless both computed the same from the same weights. One program on one machine
// computes equal weights to equal bits: nothing is forgiven.
void require_equal(const Evidence& checkpoint, const Evidence& folder);

// Writes the inputs and logits as a safetensors file: tokens (S, T + 1) I64, positions (P) I64, logits (S, P, V) F32.
void write_evidence(const std::string& path, const ProofInputs& inputs, const Evidence& evidence);

}  // namespace phalanx::hf
