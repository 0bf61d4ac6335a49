#include "model/layers/norm.h"

namespace phalanx {

Norm::Norm(ParamBuilder& builder, const NormOptions& o)
    : gamma_(builder.add({.name = o.prefix + "gamma", .shape = {o.C}, .init = Init::ones, .layer = o.layer})),
      beta_(o.beta ? builder.add({.name = o.prefix + "beta", .shape = {o.C}, .init = Init::zeros, .layer = o.layer})
                   : -1),
      epsilon_(o.epsilon) {}

Tensor Norm::beta(const Context& ctx) const { return beta_ < 0 ? Tensor{} : ctx.parameters->weight(beta_); }

void Norm::forward(const Context& ctx, const ResidualStream& in, Saved& saved) const {
  const std::int64_t N = in.residual.size(0);
  saved.mean = ctx.take({N}, DType::f32);
  saved.rstd = ctx.take({N}, DType::f32);
  if (!saved.y.defined()) saved.y = ctx.take(in.residual.shape);
  saved.sum = in.branch.defined() ? in.branch : in.residual;
  if (!in.branch.defined()) {
    recompute(ctx, saved);
    return;
  }
  ops::residual_layernorm_forward(ctx.exec, {.sum = saved.sum,
                                             .y = saved.y,
                                             .mean = saved.mean,
                                             .rstd = saved.rstd,
                                             .residual = in.residual,
                                             .branch = in.branch,
                                             .bias = in.bias < 0 ? Tensor{} : ctx.parameters->weight(in.bias),
                                             .gamma = ctx.parameters->weight(gamma_),
                                             .beta = beta(ctx),
                                             .dropout = in.dropout,
                                             .epsilon = epsilon_});
}

void Norm::recompute(const Context& ctx, Saved& saved) const {
  ops::layernorm_forward(ctx.exec, {.y = saved.y,
                                    .mean = saved.mean,
                                    .rstd = saved.rstd,
                                    .x = saved.sum,
                                    .gamma = ctx.parameters->weight(gamma_),
                                    .beta = beta(ctx),
                                    .epsilon = epsilon_});
}

StreamGradient Norm::backward(const Context& ctx, const Tensor& dy, const Tensor& dsum, const ResidualStream& in,
                              const Saved& saved) const {
  const Tensor dresidual = dsum.defined() ? dsum : dy;
  const ops::LayernormBackward norm{.dx = dresidual,
                                    .dgamma = ctx.parameters->gradient(gamma_),
                                    .dbeta = beta_ < 0 ? Tensor{} : ctx.parameters->gradient(beta_),
                                    .dy = dy,
                                    .dx_add = dsum,
                                    .x = saved.sum,
                                    .mean = saved.mean,
                                    .rstd = saved.rstd,
                                    .gamma = ctx.parameters->weight(gamma_)};
  StreamGradient gradient{dresidual, {}};
  if (in.branch.defined()) {
    gradient.dbranch = in.dropout.rate > 0.0F ? ctx.take(dresidual.shape) : dresidual;
    ops::residual_layernorm_backward(ctx.exec, {.norm = norm,
                                                .dbranch = gradient.dbranch,
                                                .dbias = in.bias < 0 ? Tensor{} : ctx.parameters->gradient(in.bias),
                                                .dropout = in.dropout});
    if (in.bias >= 0) ctx.ready(in.bias);
  } else {
    ops::layernorm_backward(ctx.exec, norm);
  }
  if (beta_ >= 0) ctx.ready(beta_);
  ctx.ready(gamma_);
  return gradient;
}

}  // namespace phalanx
