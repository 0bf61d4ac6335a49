// EncoderHeads: what stands on an encoder in pretraining: masked tokens, and next sentence where the model has it.
#pragma once

#include <optional>

#include "model/layers/batch_tensors.h"
#include "model/layers/mlm_head.h"
#include "model/layers/sentence_head.h"
#include "model/loss_sums.h"
#include "model/network_options.h"

namespace phalanx {

class EncoderHeads {
 public:
  struct Options {
    int token_table = 0;
    bool biases = true;  // see MlmHead
  };
  EncoderHeads(ParamBuilder& builder, const NetworkOptions& network, const Options& options);

  // x (N, C); adds to sums (kLossSums) fp64.
  void loss(const Context& ctx, const Tensor& x, const BatchTensors& batch, const Tensor& sums) const;
  // Likewise, and returns dx (N, C).
  [[nodiscard]] Tensor loss_and_gradient(const Context& ctx, const Tensor& x, const BatchTensors& batch,
                                         const LossScale& scale, const Tensor& sums) const;

  struct Logits {
    Tensor tokens;     // (S, B * P, V_s) of this rank's shards
    Tensor sentences;  // (B, 2); undefined: no such head
  };
  [[nodiscard]] Logits logits(const Context& ctx, const Tensor& x, const BatchTensors& batch) const;

  // Multiply-adds of a forward of both heads, per token of the sequence.
  [[nodiscard]] double products_per_token(const BatchShape& shape) const;

 private:
  double C_, V_;
  MlmHead mlm_;
  std::optional<SentenceHead> sentence_;
};

}  // namespace phalanx
