// TransformerBlock, pre-norm (GPT-2): x1 = x + branch; x2 = x1 + attention(norm1(x1)); then the branch mlp(norm2(x2)).
// Each residual addition is fused with the norm that follows it, so a block takes a residual stream whose branch is
// still to be added, and leaves one. Without norm1 attention reads the residual itself; there must be no branch then.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "model/layers/attention.h"
#include "model/layers/mlp.h"
#include "model/layers/norm.h"

namespace phalanx {

struct BlockOptions {
  int layer = 0;
  std::int64_t C = 0, NH = 0, F = 0;
  float init_std = 0.02F;
  float output_init_std = 0.02F;  // of the projections back into the residual stream
  double dropout = 0.0;
  double attention_dropout = 0.0;
  ops::Gelu activation = ops::Gelu::tanh;
  float norm_epsilon = 1e-5F;
  bool attention_norm = true;  // norm1 exists
  bool biases = true;          // of linear layers, and the norms' beta
  bool gated = false;          // the MLP is GeGLU
  int window = 0;              // of attention; 0: none
  float rope_theta = 0.0F;     // rotary positions; 0: none
};
// The options of a block's parts; name: "norm1.".
AttentionOptions attention_options(const BlockOptions& options);
MlpOptions mlp_options(const BlockOptions& options);
NormOptions norm_options(const BlockOptions& options, const std::string& name);

class TransformerBlock {
 public:
  TransformerBlock(ParamBuilder& builder, const BlockOptions& options);

  struct Saved {
    ResidualStream in;
    Norm::Saved norm1;
    SelfAttention::Saved attention;
    ResidualStream middle;  // x1 and the attention branch
    Norm::Saved norm2;
    Mlp::Saved mlp;
  };
  // Buffers that all blocks may overwrite when norm outputs and activations are not kept; undefined: they are kept.
  struct Shared {
    Tensor normed;      // (N, C)
    Tensor activation;  // (S, N, F_s)
  };
  // -> the stream after this block
  ResidualStream forward(const Context& ctx, const ResidualStream& in, const ops::AttentionMask& mask,
                         const Shared& shared, Saved& saved) const;
  // Fills `saved` again from saved.norm1.sum, everything but the block's last product.
  void recompute(const Context& ctx, const ops::AttentionMask& mask, Saved& saved) const;
  // Gradient of the stream after the block -> of the stream before it. dresidual is updated in place.
  [[nodiscard]] StreamGradient backward(const Context& ctx, const StreamGradient& dout, const ops::AttentionMask& mask,
                                        const Shared& shared, Saved& saved) const;

  using Cache = SelfAttention::Cache;
  [[nodiscard]] Cache make_cache(const Context& ctx, std::int64_t B, std::int64_t T_max) const;
  void fill_cache(const Context& ctx, const Saved& saved, const Cache& cache) const;
  // One new position per sequence against the cache; `length` counts it.
  ResidualStream decode(const Context& ctx, const ResidualStream& in, const Cache& cache, int length) const;

 private:
  void normalise(const Context& ctx, const ResidualStream& in, Norm::Saved& saved) const;
  [[nodiscard]] ResidualStream after_attention(const Context& ctx, const Tensor& x1, const Tensor& branch) const;
  [[nodiscard]] ResidualStream after_mlp(const Context& ctx, const Tensor& x2, const Tensor& branch) const;

  BlockOptions options_;
  std::optional<Norm> norm1_;
  SelfAttention attention_;
  Norm norm2_;
  Mlp mlp_;
};

}  // namespace phalanx
