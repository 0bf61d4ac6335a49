// Checks and dispatch of GeGLU.
#include "model/ops/geglu.h"

#include "model/ops/op_table.h"
#include "model/ops/require.h"

namespace phalanx::ops {

void geglu_forward(const Exec& exec, const GegluForward& a) {
  constexpr std::string_view op = "geglu_forward";
  require_dims(op, "y", a.y, 2);
  require_compute_dtype(exec, op, "y", a.y.dtype);
  require(exec, op, "y", a.y, a.y.shape, a.y.dtype);
  require(exec, op, "x", a.x, {a.y.size(0), 2 * a.y.size(1)}, a.y.dtype);
  if (!exec.planning()) exec.table->geglu_forward(exec, a);
}

void geglu_backward(const Exec& exec, const GegluBackward& a) {
  constexpr std::string_view op = "geglu_backward";
  require_dims(op, "dy", a.dy, 2);
  require_compute_dtype(exec, op, "dy", a.dy.dtype);
  const Shape wide{a.dy.size(0), 2 * a.dy.size(1)};
  require(exec, op, "dy", a.dy, a.dy.shape, a.dy.dtype);
  require(exec, op, "dx", a.dx, wide, a.dy.dtype);
  require(exec, op, "x", a.x, wide, a.dy.dtype);
  if (!exec.planning()) exec.table->geglu_backward(exec, a);
}

}  // namespace phalanx::ops
