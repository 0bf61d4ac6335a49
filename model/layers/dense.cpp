#include "model/layers/dense.h"

namespace phalanx {

Dense::Dense(ParamBuilder& builder, const Options& o)
    : weight_(builder.add_matrix({.name = o.prefix + "weight",
                                  .shape = {o.OC, o.IC},
                                  .decay = true,
                                  .init = Init::normal,
                                  .init_std = o.init_std})),
      bias_(o.bias ? builder.add({.name = o.prefix + "bias", .shape = {o.OC}}) : -1) {}

Tensor Dense::forward(const Context& ctx, const Tensor& x) const {
  const ops::LinearWeight& w = ctx.parameters->matrix(weight_, 0);
  const Tensor y = ctx.take({x.size(0), w.plain.size(0)});
  ops::linear_forward(ctx.exec, {.y = y, .x = x, .w = w, .bias = bias_ < 0 ? Tensor{} : ctx.parameters->weight(bias_)});
  return y;
}

Tensor Dense::backward(const Context& ctx, const Tensor& dy, const Tensor& x) const {
  const Tensor dx = ctx.take(x.shape);
  ops::linear_backward_input(ctx.exec, {.dx = dx, .dy = dy, .w = ctx.parameters->matrix(weight_, 0)});
  ops::linear_backward_weight(ctx.exec, {.dw = ctx.parameters->gradient(weight_),
                                         .dbias = bias_ < 0 ? Tensor{} : ctx.parameters->gradient(bias_),
                                         .dy = dy,
                                         .x = x,
                                         .write = ctx.matrix_gradients});
  if (bias_ >= 0) ctx.ready(bias_);
  ctx.ready(weight_);
  return dx;
}

}  // namespace phalanx
