#include "model/layers/mlp.h"

#include "model/ops/geglu.h"

namespace phalanx {
namespace {

ParamSpec up_weight(const MlpOptions& o) {
  return {.name = o.prefix + "up.weight",
          .shape = o.gated ? Shape{2, o.F, o.C} : Shape{o.F, o.C},
          .split = o.gated ? Split::heads : Split::rows,
          .decay = true,
          .init = Init::normal,
          .init_std = o.init_std,
          .layer = o.layer};
}
std::optional<ParamSpec> up_bias(const MlpOptions& o) {
  if (!o.biases) return std::nullopt;
  return ParamSpec{.name = o.prefix + "up.bias", .shape = {o.F}, .split = Split::rows, .layer = o.layer};
}
ParamSpec down_weight(const MlpOptions& o) {
  return {.name = o.prefix + "down.weight",
          .shape = {o.C, o.F},
          .split = Split::columns,
          .decay = true,
          .init = Init::normal,
          .init_std = o.output_init_std,
          .layer = o.layer};
}
std::optional<ParamSpec> down_bias(const MlpOptions& o) {
  if (!o.biases) return std::nullopt;
  return ParamSpec{.name = o.prefix + "down.bias", .shape = {o.C}, .layer = o.layer};
}

}  // namespace

Mlp::Mlp(ParamBuilder& builder, const MlpOptions& o)
    : options_(o), up_(builder, up_weight(o), up_bias(o)), down_(builder, down_weight(o), down_bias(o)) {
  ENSURE(!o.gated || !o.biases, "a gated MLP has no biases");
}

Tensor Mlp::take_activation(const Context& ctx, const Tensor& h) const {
  return ctx.take({h.size(0), h.size(1), h.size(2) / (options_.gated ? 2 : 1)});
}

void Mlp::activate(const Context& ctx, const Tensor& a, const Tensor& h) const {
  const Shape rows{a.size(0) * a.size(1), a.size(2)};
  if (options_.gated) {
    ops::geglu_forward(ctx.exec, {.y = a.view(rows), .x = h.view({rows[0], 2 * rows[1]}), .kind = options_.activation});
  } else {
    ops::gelu_forward(ctx.exec, {.y = a.view(rows), .x = h.view(rows), .kind = options_.activation});
  }
}

void Mlp::forward_saved(const Context& ctx, const Tensor& x, Saved& saved) const { saved.h = up_.forward(ctx, x); }

Tensor Mlp::forward(const Context& ctx, const Tensor& x, Saved& saved) const {
  forward_saved(ctx, x, saved);
  if (!saved.a.defined()) saved.a = take_activation(ctx, saved.h);
  activate(ctx, saved.a, saved.h);
  return down_.forward(ctx, saved.a);
}

Tensor Mlp::backward(const Context& ctx, const Tensor& dy, const Tensor& x, const Saved& saved) const {
  Tensor a = saved.a;
  if (!a.defined()) {
    a = take_activation(ctx, saved.h);
    activate(ctx, a, saved.h);
  }
  const Tensor da = down_.backward(ctx, dy, a);
  if (options_.gated) return gated_backward(ctx, da, x, saved);
  for (int s = 0; s < ctx.shards().count; ++s) {
    ops::gelu_backward(ctx.exec, {.dx = da[s],
                                  .dy = da[s],
                                  .x = saved.h[s],
                                  .dbias = up_.bias() < 0 ? Tensor{} : ctx.parameters->gradient(up_.bias(), s).flat(),
                                  .kind = options_.activation});
  }
  return up_.backward(ctx, da, x, ColumnLinear::Bias::elsewhere);
}

Tensor Mlp::gated_backward(const Context& ctx, const Tensor& da, const Tensor& x, const Saved& saved) const {
  for (int s = 0; s < ctx.shards().count; ++s) {
    const Tensor h = saved.h[s];
    ops::geglu_backward(ctx.exec, {.dx = h, .dy = da[s], .x = h, .kind = options_.activation});
  }
  return up_.backward(ctx, saved.h, x, ColumnLinear::Bias::elsewhere);
}

}  // namespace phalanx
