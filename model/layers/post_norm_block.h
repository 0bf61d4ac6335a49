// PostNormBlock, BERT's: y = norm1(x + dropout(attention(x))); z = norm2(y + dropout(mlp(y))). Residual addition and
// norm are one op.
#pragma once

#include "model/layers/attention.h"
#include "model/layers/block.h"
#include "model/layers/mlp.h"
#include "model/layers/norm.h"

namespace phalanx {

class PostNormBlock {
 public:
  PostNormBlock(ParamBuilder& builder, const BlockOptions& options);

  struct Saved {
    Tensor x;  // (N, C)
    SelfAttention::Saved attention;
    ResidualStream middle;  // x and the attention branch
    Norm::Saved norm1;
    Mlp::Saved mlp;
    ResidualStream end;  // y and the MLP branch
    Norm::Saved norm2;
  };
  // Buffers that all blocks may overwrite when norm outputs and activations are not kept; undefined: they are kept.
  struct Shared {
    Tensor y, z;        // (N, C)
    Tensor activation;  // (S, N, F_s)
  };
  // x (N, C) -> z (N, C)
  Tensor forward(const Context& ctx, const Tensor& x, const ops::AttentionMask& mask, const Shared& shared,
                 Saved& saved) const;
  // z again in its shared buffer: the input of the next block, which that needs in its backward.
  void recompute_output(const Context& ctx, Saved& saved) const { norm2_.recompute(ctx, saved.norm2); }
  // d (N, C): gradient of z, becomes that of x.
  void backward(const Context& ctx, const Tensor& d, const ops::AttentionMask& mask, const Shared& shared,
                Saved& saved) const;

 private:
  BlockOptions options_;
  SelfAttention attention_;
  Norm norm1_;
  Mlp mlp_;
  Norm norm2_;
};

}  // namespace phalanx
