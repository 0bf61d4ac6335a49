#include "model/layers/mlp.h"

namespace phalanx {

Mlp::Mlp(ParamBuilder& builder, const MlpOptions& o)
    : options_(o),
      up_(builder,
          {.name = o.prefix + "up.weight",
           .shape = {o.F, o.C},
           .split = Split::rows,
           .decay = true,
           .init = Init::normal,
           .init_std = o.init_std,
           .layer = o.layer},
          {.name = o.prefix + "up.bias", .shape = {o.F}, .split = Split::rows, .layer = o.layer}),
      down_(builder,
            {.name = o.prefix + "down.weight",
             .shape = {o.C, o.F},
             .split = Split::columns,
             .decay = true,
             .init = Init::normal,
             .init_std = o.output_init_std,
             .layer = o.layer},
            {.name = o.prefix + "down.bias", .shape = {o.C}, .layer = o.layer}) {}

void Mlp::activate(const Context& ctx, const Tensor& a, const Tensor& h) const {
  const Shape rows{h.size(0) * h.size(1), h.size(2)};
  ops::gelu_forward(ctx.exec, {.y = a.view(rows), .x = h.view(rows), .kind = options_.activation});
}

void Mlp::forward_saved(const Context& ctx, const Tensor& x, Saved& saved) const { saved.h = up_.forward(ctx, x); }

Tensor Mlp::forward(const Context& ctx, const Tensor& x, Saved& saved) const {
  forward_saved(ctx, x, saved);
  if (!saved.a.defined()) saved.a = ctx.take(saved.h.shape);
  activate(ctx, saved.a, saved.h);
  return down_.forward(ctx, saved.a);
}

Tensor Mlp::backward(const Context& ctx, const Tensor& dy, const Tensor& x, const Saved& saved) const {
  Tensor a = saved.a;
  if (!a.defined()) {
    a = ctx.take(saved.h.shape);
    activate(ctx, a, saved.h);
  }
  const Tensor da = down_.backward(ctx, dy, a);
  for (int s = 0; s < ctx.shards().count; ++s) {
    ops::gelu_backward(ctx.exec, {.dx = da[s],
                                  .dy = da[s],
                                  .x = saved.h[s],
                                  .dbias = ctx.parameters->gradient(up_.bias(), s).flat(),
                                  .kind = options_.activation});
  }
  return up_.backward(ctx, da, x, ColumnLinear::Bias::elsewhere);
}

}  // namespace phalanx
