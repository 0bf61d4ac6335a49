// MaskFiller: what a masked-LM checkpoint expects in place of masks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/masked_lm.h"
#include "data/tokenizer/tokenizer.h"
#include "model/encoder.h"
#include "parallel/runtime.h"
#include "trainer/checkpoint/checkpoint.h"
#include "trainer/inference.h"

namespace phalanx {

struct Prediction {
  std::int32_t token = 0;
  double probability = 0;
};

// [CLS] text [SEP] as ids. "[MASK]" in the text (or the vocabulary's own name of it) becomes the mask token.
std::vector<std::int32_t> masked_sequence(const data::Tokenizer& tokenizer, const data::MaskedVocabulary& vocabulary,
                                          const std::string& text);

class MaskFiller {
 public:
  // Weights of `manifest`, for sequences of `ids` with its number of masks, on one tensor-parallel group of all ranks.
  // Throws UsageError for a causal model, a sequence longer than the context, or one without a mask. Collective.
  MaskFiller(const checkpoint::Manifest& manifest, const Runtime& runtime, std::vector<std::int32_t> ids,
             std::int32_t mask);
  ~MaskFiller();

  // For each mask, the `count` likeliest tokens, likeliest first; ties go to the lower id. Collective.
  [[nodiscard]] std::vector<std::vector<Prediction>> predict(std::int64_t count) const;

 private:
  [[nodiscard]] Batch batch() const;

  std::vector<std::int32_t> ids_;
  std::vector<std::int32_t> slots_;  // where the masks stand
  std::int64_t V_ = 0;
  LoadedModel model_;
};

}  // namespace phalanx
