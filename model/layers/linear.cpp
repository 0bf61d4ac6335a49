#include "model/layers/linear.h"

#include <utility>

namespace phalanx {

ColumnLinear::ColumnLinear(ParamBuilder& builder, ParamSpec weight, std::optional<ParamSpec> bias)
    : weight_(builder.add_matrix(std::move(weight))), bias_(bias ? builder.add(std::move(*bias)) : -1) {}

Tensor ColumnLinear::forward(const Context& ctx, const Tensor& x) const {
  const int S = ctx.shards().count;
  const std::int64_t OC = ctx.parameters->matrix(weight_, 0).plain.size(0);
  const Tensor y = ctx.take({S, x.size(0), OC});
  for (int s = 0; s < S; ++s) {
    ops::linear_forward(ctx.exec, {.y = y[s],
                                   .x = x,
                                   .w = ctx.parameters->matrix(weight_, s),
                                   .bias = bias_ < 0 ? Tensor{} : ctx.parameters->weight(bias_, s).flat()});
  }
  return y;
}

Tensor ColumnLinear::backward(const Context& ctx, const Tensor& dy, const Tensor& x, Bias bias) const {
  const int S = ctx.shards().count;
  const bool sums_bias = bias == Bias::here && bias_ >= 0;
  const Tensor partials = ctx.take({S, x.size(0), x.size(1)});
  for (int s = 0; s < S; ++s) {
    const ops::LinearWeight& w = ctx.parameters->matrix(weight_, s);
    ops::linear_backward_input(ctx.exec, {.dx = partials[s], .dy = dy[s], .w = w});
    ops::linear_backward_weight(ctx.exec, {.dw = ctx.parameters->gradient(weight_, s).view(w.plain.shape),
                                           .dbias = sums_bias ? ctx.parameters->gradient(bias_, s).flat() : Tensor{},
                                           .dy = dy[s],
                                           .x = x,
                                           .write = ctx.matrix_gradients});
  }
  if (bias_ >= 0) ctx.ready(bias_);
  ctx.ready(weight_);
  return ctx.sum_over_shards(partials);
}

RowLinear::RowLinear(ParamBuilder& builder, ParamSpec weight, std::optional<ParamSpec> bias)
    : weight_(builder.add_matrix(std::move(weight))), bias_(bias ? builder.add(std::move(*bias)) : -1) {}

Tensor RowLinear::forward(const Context& ctx, const Tensor& h) const {
  const int S = ctx.shards().count;
  const std::int64_t OC = ctx.parameters->matrix(weight_, 0).plain.size(0);
  const Tensor partials = ctx.take({S, h.size(1), OC});
  for (int s = 0; s < S; ++s) {
    ops::linear_forward(ctx.exec, {.y = partials[s], .x = h[s], .w = ctx.parameters->matrix(weight_, s), .bias = {}});
  }
  return ctx.sum_over_shards(partials);
}

Tensor RowLinear::backward(const Context& ctx, const Tensor& dy, const Tensor& h) const {
  const int S = ctx.shards().count;
  const Tensor dh = ctx.take(h.shape);
  for (int s = 0; s < S; ++s) {
    const ops::LinearWeight& w = ctx.parameters->matrix(weight_, s);
    ops::linear_backward_input(ctx.exec, {.dx = dh[s], .dy = dy, .w = w});
    ops::linear_backward_weight(ctx.exec, {.dw = ctx.parameters->gradient(weight_, s).view(w.plain.shape),
                                           .dbias = {},
                                           .dy = dy,
                                           .x = h[s],
                                           .write = ctx.matrix_gradients});
  }
  ctx.ready(weight_);
  return dh;
}

}  // namespace phalanx
