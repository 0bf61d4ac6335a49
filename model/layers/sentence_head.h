// SentenceHead: classifies sequences by their first token, [CLS] (Devlin et al., arXiv 1810.04805):
//   pooled = tanh(x_first Wᵀ + b),   logits = pooled Wcᵀ + bc
// For next-sentence prediction: 0 where B follows A, 1 where it does not.
#pragma once

#include <cstdint>

#include "model/layers/dense.h"

namespace phalanx {

class SentenceHead {
 public:
  static constexpr std::int64_t kClasses = 2;

  struct Options {
    std::int64_t C = 0;
    float init_std = 0.02F;
  };
  SentenceHead(ParamBuilder& builder, const Options& options);

  // What the head adds to, (1) fp64 each.
  struct Sums {
    Tensor loss;     // -log p of the labels
    Tensor correct;  // labels with the largest logit
  };
  // x (N, C) of B sequences, labels (B) int32, negative: ignored.
  void loss(const Context& ctx, const Tensor& x, const Tensor& labels, const Sums& sums) const;
  // Likewise, and adds the gradient of scale x loss to dx (N, C).
  void loss_and_gradient(const Context& ctx, const Tensor& x, const Tensor& labels, float scale, const Sums& sums,
                         const Tensor& dx) const;
  // x (N, C) of B sequences -> logits (B, kClasses)
  [[nodiscard]] Tensor logits(const Context& ctx, const Tensor& x, std::int64_t B) const;

 private:
  struct Saved {
    Tensor first;   // (B, C)
    Tensor pooled;  // (B, C)
    Tensor lse;     // (B) fp32
  };
  Tensor forward(const Context& ctx, const Tensor& x, std::int64_t B, Saved& saved) const;
  Tensor forward_loss(const Context& ctx, const Tensor& x, const Tensor& labels, const Sums& sums, Saved& saved) const;

  Dense pooler_;
  Dense classifier_;
};

}  // namespace phalanx
