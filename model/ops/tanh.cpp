// Checks and dispatch of the hyperbolic tangent.
#include "model/ops/tanh.h"

#include "model/ops/op_table.h"
#include "model/ops/require.h"

namespace phalanx::ops {

void tanh_forward(const Exec& exec, const TanhForward& a) {
  constexpr std::string_view op = "tanh_forward";
  require_dims(op, "x", a.x, 2);
  require_compute_dtype(exec, op, "x", a.x.dtype);
  require(exec, op, "x", a.x, a.x.shape, a.x.dtype);
  require(exec, op, "y", a.y, a.x.shape, a.x.dtype);
  if (!exec.planning()) exec.table->tanh_forward(exec, a);
}

void tanh_backward(const Exec& exec, const TanhBackward& a) {
  constexpr std::string_view op = "tanh_backward";
  require_dims(op, "y", a.y, 2);
  require_compute_dtype(exec, op, "y", a.y.dtype);
  require(exec, op, "y", a.y, a.y.shape, a.y.dtype);
  require(exec, op, "dx", a.dx, a.y.shape, a.y.dtype);
  require(exec, op, "dy", a.dy, a.y.shape, a.y.dtype);
  if (!exec.planning()) exec.table->tanh_backward(exec, a);
}

}  // namespace phalanx::ops
