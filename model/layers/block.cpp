#include "model/layers/block.h"

#include "core/check.h"
#include "model/ops/flat.h"

namespace phalanx {
namespace {

std::string prefix_of(const BlockOptions& o, const std::string& part) { return str("layers.", o.layer, ".", part); }

std::optional<Norm> make_attention_norm(ParamBuilder& builder, const BlockOptions& o) {
  if (!o.attention_norm) return std::nullopt;
  return Norm(builder, norm_options(o, "norm1."));
}

}  // namespace

AttentionOptions attention_options(const BlockOptions& o) {
  return {.prefix = prefix_of(o, "attention."),
          .layer = o.layer,
          .C = o.C,
          .NH = o.NH,
          .init_std = o.init_std,
          .output_init_std = o.output_init_std,
          .dropout = o.attention_dropout,
          .biases = o.biases,
          .window = o.window,
          .rope_theta = o.rope_theta};
}

MlpOptions mlp_options(const BlockOptions& o) {
  return {.prefix = prefix_of(o, "mlp."),
          .layer = o.layer,
          .C = o.C,
          .F = o.F,
          .init_std = o.init_std,
          .output_init_std = o.output_init_std,
          .activation = o.activation,
          .biases = o.biases,
          .gated = o.gated};
}

NormOptions norm_options(const BlockOptions& o, const std::string& name) {
  return {.prefix = prefix_of(o, name), .C = o.C, .layer = o.layer, .epsilon = o.norm_epsilon, .beta = o.biases};
}

TransformerBlock::TransformerBlock(ParamBuilder& builder, const BlockOptions& o)
    : options_(o),
      norm1_(make_attention_norm(builder, o)),
      attention_(builder, attention_options(o)),
      norm2_(builder, norm_options(o, "norm2.")),
      mlp_(builder, mlp_options(o)) {}

// The attention's input, saved.norm1.y; its sum with the branch of `in` is saved.norm1.sum.
void TransformerBlock::normalise(const Context& ctx, const ResidualStream& in, Norm::Saved& saved) const {
  if (norm1_) return norm1_->forward(ctx, in, saved);
  ENSURE(!in.branch.defined(), "a block without attention norm has nothing that adds a branch");
  saved.sum = saved.y = in.residual;
}

ResidualStream TransformerBlock::after_attention(const Context& ctx, const Tensor& x1, const Tensor& branch) const {
  return {x1, branch, attention_.output_bias(),
          ctx.dropout(options_.dropout, Purpose::residual_dropout_attention, options_.layer)};
}

ResidualStream TransformerBlock::after_mlp(const Context& ctx, const Tensor& x2, const Tensor& branch) const {
  return {x2, branch, mlp_.output_bias(), ctx.dropout(options_.dropout, Purpose::residual_dropout_mlp, options_.layer)};
}

ResidualStream TransformerBlock::forward(const Context& ctx, const ResidualStream& in, const ops::AttentionMask& mask,
                                         const Shared& shared, Saved& saved) const {
  saved.in = in;
  if (norm1_) saved.norm1.y = shared.normed;
  normalise(ctx, in, saved.norm1);
  const Tensor branch = attention_.forward(ctx, saved.norm1.y, mask, saved.attention);
  saved.middle = after_attention(ctx, saved.norm1.sum, branch);
  saved.norm2.y = shared.normed;
  norm2_.forward(ctx, saved.middle, saved.norm2);
  saved.mlp.a = shared.activation;
  const Tensor out = mlp_.forward(ctx, saved.norm2.y, saved.mlp);
  return after_mlp(ctx, saved.norm2.sum, out);
}

void TransformerBlock::recompute(const Context& ctx, const ops::AttentionMask& mask, Saved& saved) const {
  const Tensor x1 = saved.norm1.sum;
  saved.norm1 = {};
  normalise(ctx, {x1, {}, -1, {}}, saved.norm1);
  const Tensor branch = attention_.forward(ctx, saved.norm1.y, mask, saved.attention);
  saved.middle = after_attention(ctx, x1, branch);
  saved.norm2 = {};
  norm2_.forward(ctx, saved.middle, saved.norm2);
  saved.mlp = {};
  mlp_.forward_saved(ctx, saved.norm2.y, saved.mlp);
}

StreamGradient TransformerBlock::backward(const Context& ctx, const StreamGradient& dout,
                                          const ops::AttentionMask& mask, const Shared& shared, Saved& saved) const {
  const bool redo = shared.normed.defined();
  if (redo) {
    saved.mlp.a = {};
    norm2_.recompute(ctx, saved.norm2);
  }
  const Tensor dnormed2 = mlp_.backward(ctx, dout.dbranch, saved.norm2.y, saved.mlp);
  const StreamGradient dmiddle = norm2_.backward(ctx, dnormed2, dout.dresidual, saved.middle, saved.norm2);
  if (redo && norm1_) norm1_->recompute(ctx, saved.norm1);
  const Tensor dnormed1 = attention_.backward(ctx, dmiddle.dbranch, saved.norm1.y, mask, saved.attention);
  if (norm1_) return norm1_->backward(ctx, dnormed1, dmiddle.dresidual, saved.in, saved.norm1);
  ops::add(ctx.exec, dmiddle.dresidual, dnormed1);
  return {dmiddle.dresidual, {}};
}

TransformerBlock::Cache TransformerBlock::make_cache(const Context& ctx, std::int64_t B, std::int64_t T_max) const {
  return attention_.make_cache(ctx, B, T_max);
}

void TransformerBlock::fill_cache(const Context& ctx, const Saved& saved, const Cache& cache) const {
  attention_.fill_cache(ctx, saved.attention, cache);
}

ResidualStream TransformerBlock::decode(const Context& ctx, const ResidualStream& in, const Cache& cache,
                                        int length) const {
  Norm::Saved norm1;
  normalise(ctx, in, norm1);
  const Tensor branch = attention_.decode(ctx, norm1.y, cache, length);
  Norm::Saved norm2;
  norm2_.forward(ctx, after_attention(ctx, norm1.sum, branch), norm2);
  Mlp::Saved mlp;
  const Tensor out = mlp_.forward(ctx, norm2.y, mlp);
  return after_mlp(ctx, norm2.sum, out);
}

}  // namespace phalanx
