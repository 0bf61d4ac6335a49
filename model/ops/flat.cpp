#include "model/ops/flat.h"

#include "model/ops/op_table.h"
#include "model/ops/require.h"

namespace phalanx::ops {

void cast(const Exec& exec, const Tensor& out, const Tensor& in) {
  ENSURE(in.defined() && out.defined(), "cast: in or out is undefined");
  require_compute_dtype(exec, "cast", "in", in.dtype);
  require_compute_dtype(exec, "cast", "out", out.dtype);
  require(exec, "cast", "in", in.flat(), {out.count()}, in.dtype);
  require(exec, "cast", "out", out.flat(), {out.count()}, out.dtype);
  if (exec.planning() || out.count() == 0) return;
  exec.table->cast(exec, out, in);
}

void add(const Exec& exec, const Tensor& y, const Tensor& x) {
  ENSURE(y.defined() && x.defined(), "add: y or x is undefined");
  require_compute_dtype(exec, "add", "y", y.dtype);
  const bool mixed = y.dtype == DType::f32 && x.dtype == DType::bf16;
  ENSURE(mixed || x.dtype == y.dtype, "add: x is ", name_of(x.dtype), " and y is ", name_of(y.dtype),
         ", expected the same dtype, or y fp32 and x bf16");
  require(exec, "add", "y", y.flat(), {y.count()}, y.dtype);
  require(exec, "add", "x", x.flat(), {y.count()}, x.dtype);
  if (exec.planning() || y.count() == 0) return;
  exec.table->add(exec, y, x);
}

void sum_of_squares(const Exec& exec, const Tensor& out, const Tensor& x) {
  ENSURE(x.defined(), "sum_of_squares: x is undefined");
  require_compute_dtype(exec, "sum_of_squares", "x", x.dtype);
  require(exec, "sum_of_squares", "x", x.flat(), {x.count()}, x.dtype);
  require(exec, "sum_of_squares", "out", out, {1}, DType::f64);
  Scratch scratch(*exec.workspace);
  const Tensor partial = scratch.take({(x.count() + kSquaresChunk - 1) / kSquaresChunk}, DType::f64);
  if (exec.planning()) return;
  exec.table->sum_of_squares(exec, out, x, partial);
}

void adamw_update(const Exec& exec, const AdamwUpdate& a) {
  ENSURE(a.master.defined(), "adamw_update: master is undefined");
  const Shape flat{a.master.count()};
  require(exec, "adamw_update", "master", a.master, flat, DType::f32);
  require(exec, "adamw_update", "m", a.m, flat, DType::f32);
  require(exec, "adamw_update", "v", a.v, flat, DType::f32);
  require(exec, "adamw_update", "grad", a.grad, flat, DType::f32);
  if (a.weight.defined()) {
    require_compute_dtype(exec, "adamw_update", "weight", a.weight.dtype);
    require(exec, "adamw_update", "weight", a.weight, flat, a.weight.dtype);
  }
  ENSURE(a.t >= 1, "adamw_update: t is ", a.t, ", expected the number of the update, from 1");
  if (exec.planning() || a.master.count() == 0) return;
  exec.table->adamw_update(exec, a);
}

}  // namespace phalanx::ops
