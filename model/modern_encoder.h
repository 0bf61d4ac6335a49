// ModernEncoder (ModernBERT; Warner et al., arXiv 2412.13663): pre-norm blocks without biases, rotary positions, GeGLU;
// every `global_every`-th layer sees its whole document, the others a window. The embedding's norm serves as the first
// attention norm. A head for masked tokens.
#pragma once

#include <cstdint>

#include "model/encoder.h"
#include "model/layers/block_stack.h"
#include "model/layers/normed_embedding.h"

namespace phalanx {

class ModernEncoder final : public Encoder {
 public:
  explicit ModernEncoder(const NetworkOptions& options);

  [[nodiscard]] const ParamBuilder& parameters() const override { return builder_; }
  void forward_backward(const Context& ctx, const Batch& batch, const LossScale& scale,
                        const Tensor& sums) const override;
  void forward_loss(const Context& ctx, const Batch& batch, const Tensor& sums) const override;
  [[nodiscard]] EncoderHeads::Logits predict(const Context& ctx, const Batch& batch) const override;
  [[nodiscard]] double flops_per_token(const BatchShape& shape) const override;
  [[nodiscard]] const NetworkOptions& options() const { return options_; }

 private:
  Tensor encode(const Context& ctx, const BatchTensors& batch) const;

  NetworkOptions options_;
  ParamBuilder builder_;
  NormedEmbedding embedding_;
  BlockStack blocks_;
  Norm final_norm_;
  EncoderHeads heads_;
};

}  // namespace phalanx
