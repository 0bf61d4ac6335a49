#include "model/layers/post_norm_block.h"

#include "model/ops/flat.h"

namespace phalanx {
PostNormBlock::PostNormBlock(ParamBuilder& builder, const BlockOptions& o)
    : options_(o),
      attention_(builder, attention_options(o)),
      norm1_(builder, norm_options(o, "norm1.")),
      mlp_(builder, mlp_options(o)),
      norm2_(builder, norm_options(o, "norm2.")) {}

Tensor PostNormBlock::forward(const Context& ctx, const Tensor& x, const ops::AttentionMask& mask, const Shared& shared,
                              Saved& saved) const {
  saved.x = x;
  const Tensor branch = attention_.forward(ctx, x, mask, saved.attention);
  saved.middle = {x, branch, attention_.output_bias(),
                  ctx.dropout(options_.dropout, Purpose::residual_dropout_attention, options_.layer)};
  saved.norm1.y = shared.y;
  norm1_.forward(ctx, saved.middle, saved.norm1);
  saved.mlp.a = shared.activation;
  const Tensor out = mlp_.forward(ctx, saved.norm1.y, saved.mlp);
  saved.end = {saved.norm1.y, out, mlp_.output_bias(),
               ctx.dropout(options_.dropout, Purpose::residual_dropout_mlp, options_.layer)};
  saved.norm2.y = shared.z;
  norm2_.forward(ctx, saved.end, saved.norm2);
  return saved.norm2.y;
}

void PostNormBlock::backward(const Context& ctx, const Tensor& d, const ops::AttentionMask& mask, const Shared& shared,
                             Saved& saved) const {
  if (shared.y.defined()) {
    saved.mlp.a = {};
    norm1_.recompute(ctx, saved.norm1);
  }
  // Both norms leave the gradient of their sum in d, which is that of the residual; the branch's is added to it.
  const StreamGradient dend = norm2_.backward(ctx, d, {}, saved.end, saved.norm2);
  ops::add(ctx.exec, d, mlp_.backward(ctx, dend.dbranch, saved.norm1.y, saved.mlp));
  const StreamGradient dmiddle = norm1_.backward(ctx, d, {}, saved.middle, saved.norm1);
  ops::add(ctx.exec, d, attention_.backward(ctx, dmiddle.dbranch, saved.x, mask, saved.attention));
}

}  // namespace phalanx
