// Gpt: GPT-2 (Radford et al. 2019). Learned positions, pre-norm blocks, final norm, head tied to the token table.
#pragma once

#include <cstdint>

#include "model/layers/block_stack.h"
#include "model/layers/embedding.h"
#include "model/layers/lm_head.h"
#include "model/network.h"

namespace phalanx {

class Gpt final : public Network {
 public:
  explicit Gpt(const NetworkOptions& options);

  [[nodiscard]] const ParamBuilder& parameters() const override { return builder_; }
  void forward_backward(const Context& ctx, const Batch& batch, const LossScale& scale,
                        const Tensor& sums) const override;
  void forward_loss(const Context& ctx, const Batch& batch, const Tensor& sums) const override;
  [[nodiscard]] double flops_per_token(const BatchShape& shape) const override;

  // Generation: caches of all layers, filled by a whole prompt and then by one new position per sequence.
  using Cache = BlockStack::Cache;
  [[nodiscard]] Cache make_cache(const Context& ctx, std::int64_t B) const;
  // One sequence from its begin, tokens and positions (T) int32: fills the cache and gives the logits (S, 1, V_s) of
  // position `length` - 1. What stands behind it is padding, which later positions overwrite in the cache. Holds the
  // activations of one block at a time.
  [[nodiscard]] Tensor prefill(const Context& ctx, const Tensor& tokens, const Tensor& positions, const Cache& cache,
                               int length) const;
  // tokens, positions (B) int32 -> logits (S, B, V_s); `length` counts the new position.
  [[nodiscard]] Tensor decode(const Context& ctx, const Tensor& tokens, const Tensor& positions, const Cache& cache,
                              int length) const;
  [[nodiscard]] const NetworkOptions& options() const { return options_; }

 private:
  NetworkOptions options_;
  ParamBuilder builder_;
  Embedding embedding_;
  BlockStack blocks_;
  Norm final_norm_;
  LmHead head_;
};

}  // namespace phalanx
