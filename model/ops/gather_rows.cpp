// Checks and dispatch of gathering rows.
#include "model/ops/gather_rows.h"

#include "model/ops/op_table.h"
#include "model/ops/require.h"

namespace phalanx::ops {
namespace {

// `some` (R, C) are rows of `all` (N, C).
void check_rows(const Exec& exec, std::string_view op, const Tensor& some, const Tensor& all, const Tensor& rows) {
  require_dims(op, "all rows", all, 2);
  require_dims(op, "picked rows", some, 2);
  require_compute_dtype(exec, op, "all rows", all.dtype);
  const std::int64_t R = some.size(0);
  require(exec, op, "all rows", all, all.shape, all.dtype);
  require(exec, op, "picked rows", some, {R, all.size(1)}, all.dtype);
  require_if_defined(exec, op, "rows", rows, {R}, DType::i32);
  ENSURE(rows.defined() || R == 0 || all.size(0) % R == 0, op, ": ", all.size(0), " rows are not ", R, " equal parts");
}

}  // namespace

void gather_rows(const Exec& exec, const GatherRows& a) {
  check_rows(exec, "gather_rows", a.y, a.x, a.rows);
  if (!exec.planning()) exec.table->gather_rows(exec, a);
}

void scatter_rows(const Exec& exec, const ScatterRows& a) {
  check_rows(exec, "scatter_rows", a.dy, a.dx, a.rows);
  if (!exec.planning()) exec.table->scatter_rows(exec, a);
}

}  // namespace phalanx::ops
