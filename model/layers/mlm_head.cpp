#include "model/layers/mlm_head.h"

#include "model/ops/gather_rows.h"
#include "model/ops/gelu.h"

namespace phalanx {

MlmHead::MlmHead(ParamBuilder& builder, const Options& o)
    : transform_(builder, {.prefix = "mlm.transform.", .IC = o.C, .OC = o.C, .init_std = o.init_std, .bias = o.biases}),
      norm_(builder, {.prefix = "mlm.norm.", .C = o.C, .epsilon = o.norm_epsilon, .beta = o.biases}),
      decoder_(o.token_table, o.V,
               builder.add({.name = "mlm.bias", .shape = {o.V}, .split = Split::rows, .vocabulary = true})) {}

Tensor MlmHead::transform(const Context& ctx, const Tensor& x, const Tensor& slots, Saved& saved) const {
  saved.x = x;
  if (slots.defined()) {
    saved.x = ctx.take({slots.size(0), x.size(1)});
    ops::gather_rows(ctx.exec, {.y = saved.x, .x = x, .rows = slots});
  }
  saved.u = transform_.forward(ctx, saved.x);
  const Tensor a = ctx.take(saved.u.shape);
  ops::gelu_forward(ctx.exec, {.y = a, .x = saved.u, .kind = ops::Gelu::erf});
  norm_.forward(ctx, {a, {}, -1, {}}, saved.norm);
  return saved.norm.y;
}

void MlmHead::loss(const Context& ctx, const Tensor& x, const Tensor& slots, const Tensor& targets,
                   const LmHead::Sums& sums) const {
  const Scratch scratch(*ctx.activations);
  Saved saved;
  decoder_.loss(ctx, transform(ctx, x, slots, saved), targets, sums);
}

Tensor MlmHead::loss_and_gradient(const Context& ctx, const Tensor& x, const Tensor& slots, const Tensor& targets,
                                  float scale, const LmHead::Sums& sums) const {
  const Tensor dx = ctx.take(x.shape);
  const Scratch scratch(*ctx.activations);
  Saved saved;
  const Tensor h = transform(ctx, x, slots, saved);
  const Tensor dh = decoder_.loss_and_gradient(ctx, h, targets, scale, sums);
  ctx.enter(Phase::backward);
  const Tensor da = norm_.backward(ctx, dh, {}, {}, saved.norm).dresidual;
  ops::gelu_backward(ctx.exec, {.dx = da, .dy = da, .x = saved.u, .dbias = {}, .kind = ops::Gelu::erf});
  const Tensor drows = transform_.backward(ctx, da, saved.x);
  if (slots.defined()) {
    ops::scatter_rows(ctx.exec, {.dx = dx, .dy = drows, .rows = slots, .write = ops::Write::overwrite});
  } else {
    ctx.copy(dx, drows);
  }
  return dx;
}

Tensor MlmHead::logits(const Context& ctx, const Tensor& x, const Tensor& slots) const {
  Saved saved;
  return decoder_.logits(ctx, transform(ctx, x, slots, saved));
}

}  // namespace phalanx
