// Checks and dispatch of GELU.
#include "model/ops/gelu.h"

#include "model/ops/op_table.h"
#include "model/ops/partial_sums.h"
#include "model/ops/require.h"

namespace phalanx::ops {

void gelu_forward(const Exec& exec, const GeluForward& a) {
  constexpr std::string_view op = "gelu_forward";
  require_dims(op, "x", a.x, 2);
  require_compute_dtype(exec, op, "x", a.x.dtype);
  require(exec, op, "x", a.x, a.x.shape, a.x.dtype);
  require(exec, op, "y", a.y, a.x.shape, a.x.dtype);
  if (!exec.planning()) exec.table->gelu_forward(exec, a);
}

void gelu_backward(const Exec& exec, const GeluBackward& a) {
  constexpr std::string_view op = "gelu_backward";
  require_dims(op, "x", a.x, 2);
  require_compute_dtype(exec, op, "x", a.x.dtype);
  require(exec, op, "x", a.x, a.x.shape, a.x.dtype);
  require(exec, op, "dx", a.dx, a.x.shape, a.x.dtype);
  require(exec, op, "dy", a.dy, a.x.shape, a.x.dtype);
  require_if_defined(exec, op, "dbias", a.dbias, {a.x.size(1)}, DType::f32);
  if (exec.planning()) {
    Scratch scratch(*exec.workspace);
    if (a.dbias.defined()) take_partial_sums(scratch, a.x.size(0), 1, a.x.size(1));
    return;
  }
  exec.table->gelu_backward(exec, a);
}

}  // namespace phalanx::ops
