#include "model/ops/lamb.h"

#include "model/ops/op_table.h"
#include "model/ops/require.h"

namespace phalanx::ops {

void lamb_direction(const Exec& exec, const LambDirection& a) {
  ENSURE(a.master.defined(), "lamb_direction: master is undefined");
  const Shape flat{a.master.count()};
  require(exec, "lamb_direction", "master", a.master, flat, DType::f32);
  require(exec, "lamb_direction", "m", a.m, flat, DType::f32);
  require(exec, "lamb_direction", "v", a.v, flat, DType::f32);
  require(exec, "lamb_direction", "grad", a.grad, flat, DType::f32);
  ENSURE(a.t >= 1, "lamb_direction: t is ", a.t, ", expected the number of the update, from 1");
  if (exec.planning() || a.master.count() == 0) return;
  exec.table->lamb_direction(exec, a);
}

void lamb_apply(const Exec& exec, const LambApply& a) {
  ENSURE(a.master.defined(), "lamb_apply: master is undefined");
  const Shape flat{a.master.count()};
  require(exec, "lamb_apply", "master", a.master, flat, DType::f32);
  require(exec, "lamb_apply", "direction", a.direction, flat, DType::f32);
  if (a.weight.defined()) {
    require_compute_dtype(exec, "lamb_apply", "weight", a.weight.dtype);
    require(exec, "lamb_apply", "weight", a.weight, flat, a.weight.dtype);
  }
  if (exec.planning() || a.master.count() == 0) return;
  exec.table->lamb_apply(exec, a);
}

}  // namespace phalanx::ops
