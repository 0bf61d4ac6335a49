// Checks and dispatch of dropout.
#include "model/ops/dropout.h"

#include "model/ops/op_table.h"
#include "model/ops/require.h"
#include "model/ops/require_dropout.h"

namespace phalanx::ops {

void dropout_apply(const Exec& exec, const DropoutApply& a) {
  constexpr std::string_view op = "dropout_apply";
  require_dims(op, "x", a.x, 2);
  require_compute_dtype(exec, op, "x", a.x.dtype);
  require(exec, op, "x", a.x, a.x.shape, a.x.dtype);
  require(exec, op, "y", a.y, a.x.shape, a.x.dtype);
  require_dropout(exec, op, a.dropout, a.x.size(0));
  if (!exec.planning()) exec.table->dropout_apply(exec, a);
}

}  // namespace phalanx::ops
