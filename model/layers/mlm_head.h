// MlmHead: predicts masked tokens (Devlin et al., arXiv 1810.04805). Only the rows that are predicted go through it:
//   h = norm(gelu(x_rows Wᵀ + b)),   logits = h tableᵀ + bias,   the token table tied and cut over tensor shards
#pragma once

#include <cstdint>

#include "model/layers/dense.h"
#include "model/layers/lm_head.h"
#include "model/layers/norm.h"

namespace phalanx {

class MlmHead {
 public:
  struct Options {
    int token_table = 0;
    std::int64_t V = 0, C = 0;
    float init_std = 0.02F;
    float norm_epsilon = 1e-12F;
    bool biases = true;  // of the transform and its norm; the decoder always has one
  };
  MlmHead(ParamBuilder& builder, const Options& options);

  // x (N, C); slots (R) int32: rows of x, undefined: all of them; targets (R).
  void loss(const Context& ctx, const Tensor& x, const Tensor& slots, const Tensor& targets,
            const LmHead::Sums& sums) const;
  // Likewise, and returns dx (N, C), gradients of scale x loss; writes the table's gradient (the first that does).
  [[nodiscard]] Tensor loss_and_gradient(const Context& ctx, const Tensor& x, const Tensor& slots,
                                         const Tensor& targets, float scale, const LmHead::Sums& sums) const;
  // -> logits (S, R, V_s) of this rank's shards
  [[nodiscard]] Tensor logits(const Context& ctx, const Tensor& x, const Tensor& slots) const;

 private:
  struct Saved {
    Tensor x;  // (R, C) the rows
    Tensor u;  // (R, C) before the activation
    Norm::Saved norm;
  };
  // -> (R, C)
  Tensor transform(const Context& ctx, const Tensor& x, const Tensor& slots, Saved& saved) const;

  Dense transform_;
  Norm norm_;
  LmHead decoder_;
};

}  // namespace phalanx
