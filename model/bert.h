// Bert (Devlin et al., arXiv 1810.04805): learned positions, token types, norm and dropout of their sum, post-norm
// blocks of full attention inside each document, erf GELU; heads for masked tokens and next sentence. Without token
// types and next sentence: RoBERTa (Liu et al., arXiv 1907.11692).
#pragma once

#include <cstdint>
#include <vector>

#include "model/encoder.h"
#include "model/layers/normed_embedding.h"
#include "model/layers/post_norm_block.h"

namespace phalanx {

class Bert final : public Encoder {
 public:
  explicit Bert(const NetworkOptions& options);

  [[nodiscard]] const ParamBuilder& parameters() const override { return builder_; }
  void forward_backward(const Context& ctx, const Batch& batch, const LossScale& scale,
                        const Tensor& sums) const override;
  void forward_loss(const Context& ctx, const Batch& batch, const Tensor& sums) const override;
  [[nodiscard]] EncoderHeads::Logits predict(const Context& ctx, const Batch& batch) const override;
  [[nodiscard]] double flops_per_token(const BatchShape& shape) const override;
  [[nodiscard]] const NetworkOptions& options() const { return options_; }

 private:
  struct Saved;
  Tensor forward_blocks(const Context& ctx, const Tensor& x, const ops::AttentionMask& mask, Saved& saved) const;
  Tensor forward_blocks_in_turn(const Context& ctx, const Tensor& x, const ops::AttentionMask& mask,
                                Saved* saved) const;
  void backward_blocks(const Context& ctx, const Tensor& d, const ops::AttentionMask& mask, Saved& saved) const;
  Tensor encode(const Context& ctx, const BatchTensors& batch) const;

  NetworkOptions options_;
  ParamBuilder builder_;
  NormedEmbedding embedding_;
  std::vector<PostNormBlock> blocks_;
  EncoderHeads heads_;
};

}  // namespace phalanx
