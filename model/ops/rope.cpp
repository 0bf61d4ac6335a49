// Checks and dispatch of rotary positions.
#include "model/ops/rope.h"

#include "model/ops/op_table.h"
#include "model/ops/require.h"
#include "model/ops/rope_scratch.h"

namespace phalanx::ops {

void rope(const Exec& exec, const Rope& a) {
  constexpr std::string_view op = "rope";
  require_dims(op, "qkv", a.qkv, 4);
  require_compute_dtype(exec, op, "qkv", a.qkv.dtype);
  const std::int64_t N = a.qkv.size(0);
  const std::int64_t HS = a.qkv.size(3);
  require(exec, op, "qkv", a.qkv, {N, 3, a.qkv.size(2), HS}, a.qkv.dtype);
  require(exec, op, "positions", a.positions, {N}, DType::i32);
  ENSURE(HS > 0 && HS % 2 == 0, op, ": head size is ", HS, ", expected an even one (model.hidden / model.heads)");
  ENSURE(a.longest >= 1, op, ": longest is ", a.longest, ", expected at least one position");
  ENSURE(a.theta > 0.0F, op, ": theta is ", a.theta, ", expected > 0");
  if (!exec.planning()) return exec.table->rope(exec, a);
  Scratch scratch(*exec.workspace);
  take_rope_table(scratch, a);
}

}  // namespace phalanx::ops
