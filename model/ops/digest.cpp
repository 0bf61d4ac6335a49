#include "model/ops/digest.h"

#include "model/ops/op_table.h"
#include "model/ops/require.h"

namespace phalanx::ops {

void digest(const Exec& exec, const Tensor& out, const Tensor& x, std::int64_t first) {
  require_compute_dtype(exec, "digest", "x", x.dtype);
  require(exec, "digest", "x", x, {x.count()}, x.dtype);
  require(exec, "digest", "out", out, {1}, DType::i64);
  ENSURE(first >= 0, "digest: the first index is ", first);
  if (!exec.planning()) exec.table->digest(exec, out, x, first);
}

}  // namespace phalanx::ops
