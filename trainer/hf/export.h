// Export: a checkpoint as a folder that Hugging Face's libraries open, and the proof that it is the same model.
#pragma once

#include <cstdint>
#include <string>

#include "core/dtype.h"
#include "trainer/checkpoint/checkpoint.h"
#include "trainer/hf/proof.h"

namespace phalanx::hf {

struct ExportOptions {
  std::string output;                        // folder; must not be there
  DType dtype = DType::f32;                  // fp32, bf16 or fp16
  std::int64_t shard_bytes = 5'000'000'000;  // largest file of weights
  std::string logits;                        // file for the inputs and logits of the proof; empty: none
};

struct ExportReport {
  std::string folder;
  double max_logit_difference = 0;
  double loss = 0;  // of the exported weights on the sequences of the proof, nats per token
};

// Writes the folder (docs/hugging-face.md), opens it again, and compares what both sets of weights compute. When
// anything fails nothing is left at `output`. Throws UsageError for an output that is there and for a model that the
// format does not know, Error when the two differ.
ExportReport export_model(const checkpoint::Manifest& manifest, const ExportOptions& options);

}  // namespace phalanx::hf
