// What a set of weights computes on fixed inputs: the evidence that two sets are the same model.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "trainer/checkpoint/checkpoint.h"
#include "trainer/config/config.h"
#include "trainer/hf/model_folder.h"
#include "trainer/hf/proof_inputs.h"

namespace phalanx::hf {

struct Evidence {
  std::vector<float> logits;            // (kSequences, positions, V)
  std::vector<float> sentence_logits;   // (kSequences, 2); empty: no such head
  double loss = 0;                      // nats per predicted token of all sequences
  std::optional<double> sentence_loss;  // nats per sequence
  std::uint64_t weights = 0;            // digest of the fp32 weights
};

// Of the weights of a checkpoint, each rounded to `dtype`, and of the weights of a folder. Computed in fp32 by one
// rank; memory: one model. Throws Error when logits are not finite.
Evidence evidence_of(const checkpoint::Manifest& manifest, DType dtype, const ProofInputs& inputs);
Evidence evidence_of(const ModelFolder& folder, const ProofInputs& inputs);

// The largest difference of two logits. Throws ENSURE's Error unless both are of the same inputs and model.
double largest_difference(const Evidence& a, const Evidence& b);

// Throws Error saying what differs unless both computed the same from the same weights. One program on one machine
// computes equal weights to equal bits: nothing is forgiven.
void require_equal(const Evidence& checkpoint, const Evidence& folder);

// Writes the inputs and logits as a safetensors file. Causal: tokens (S, T + 1) I64, positions (P) I64, logits (S, P,
// V) F32. Masked: input_ids and attention_mask (S, T), perhaps token_type_ids (S, T), positions and targets (S, P), all
// I64; logits (S, P, V), perhaps next_sentence_label (S) I64 and next_sentence_logits (S, 2).
void write_evidence(const std::string& path, const ProofInputs& inputs, const Evidence& evidence);

}  // namespace phalanx::hf
