#include "model/ops/digest.h"

#include "model/ops/op_table.h"
#include "model/ops/require.h"

namespace phalanx::ops {

void digest(const Exec& exec, const Tensor& out, const Tensor& x, const DigestIndex& index) {
  ENSURE(x.defined(), "digest: x is undefined");
  require_compute_dtype(exec, "digest", "x", x.dtype);
  require(exec, "digest", "x", x, {x.count()}, x.dtype);
  require(exec, "digest", "out", out, {1}, DType::i64);
  ENSURE(index.begin >= 0 && index.block > 0 && index.stride >= 0 && index.offset >= 0, "digest: begin ", index.begin,
         ", block ", index.block, ", stride ", index.stride, ", offset ", index.offset);
  if (!exec.planning()) exec.table->digest(exec, out, x, index);
}

}  // namespace phalanx::ops
