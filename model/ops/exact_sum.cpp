#include "model/ops/exact_sum.h"

#include <cmath>

#include "model/ops/op_table.h"
#include "model/ops/require.h"

namespace phalanx::ops {

void largest_magnitude(const Exec& exec, const Tensor& out, const Tensor& x) {
  require(exec, "largest_magnitude", "x", x, {x.count()}, DType::f32);
  require(exec, "largest_magnitude", "out", out, {1}, DType::i64);
  if (!exec.planning()) exec.table->largest_magnitude(exec, out, x);
}

void exact_sum_of_squares(const Exec& exec, const Tensor& out, const Tensor& x, int exponent) {
  require(exec, "exact_sum_of_squares", "x", x, {x.count()}, DType::f32);
  require(exec, "exact_sum_of_squares", "out", out, {kSquareLimbs}, DType::i64);
  if (!exec.planning()) exec.table->exact_sum_of_squares(exec, out, x, exponent);
}

double square_sum(const std::int64_t* limbs, int exponent) {
  __extension__ using Wide = __int128;
  const Wide coarse = (static_cast<Wide>(limbs[0]) << 26) + limbs[1];
  const Wide fine = (static_cast<Wide>(limbs[2]) << 26) + limbs[3];
  const double sum = std::ldexp(static_cast<double>(coarse), -40) + std::ldexp(static_cast<double>(fine), -80);
  return std::ldexp(sum, 2 * exponent);
}

}  // namespace phalanx::ops
