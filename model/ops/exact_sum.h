// Sums whose bits do not depend on how a tensor is cut into pieces, on the order of the pieces, or on threads: terms
// are rounded one by one to multiples of a unit, and integers are added (as in Demmel and Nguyen, "Fast reproducible
// floating-point summation", ARITH 2013, with one unit for all).
#pragma once

#include "model/ops/exec.h"

namespace phalanx::ops {

// out (1) int64 <- bits of the largest |x|, as an integer: max over pieces and ranks is max over these. Above
// kLargestFinite when x holds a value that is not finite.
void largest_magnitude(const Exec& exec, const Tensor& out, const Tensor& x);
inline constexpr std::int64_t kLargestFinite = 0x7F7FFFFF;

// out (4) int64 <- sum of (x 2^-exponent)² as integers, x (n) fp32 with |x| < 2^exponent. Adding those of all pieces
// adds the sums. Terms keep 80 bits behind the point.
inline constexpr std::int64_t kSquareLimbs = 4;
void exact_sum_of_squares(const Exec& exec, const Tensor& out, const Tensor& x, int exponent);
// The sum that `limbs` (4) hold, times 2^(2 exponent).
double square_sum(const std::int64_t* limbs, int exponent);

}  // namespace phalanx::ops
