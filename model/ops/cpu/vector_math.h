// Exponential and normal distribution on registers, by our own polynomials (fitted for least relative error), so that
// forward, recomputation and backward see the same bits everywhere. Included in the level region.
#pragma once

#include "model/ops/cpu/vector.h"

namespace phalanx::ops::PHALANX_CPU_LEVEL {

// e^x within 2 ulp. Below -87.3, where fp32 leaves its normal range, exactly 0; above 88 it stays at e^88. NaN stays
// NaN.
inline VecF exp(VecF x) {
  const VecF lowest = set(-87.33F);
  const VecF bounded = min(set(88.0F), max(lowest, x));
  // x = n ln 2 + r, |r| <= ln 2 / 2; ln 2 in two parts, so that n times the first is exact.
  const VecF n = round(bounded * set(1.44269504F));
  const VecF r = fma(n, set(2.12194440e-4F), fma(n, set(-0.693359375F), bounded));
  VecF q = fma(set(0.00138144672F), r, set(0.00836878084F));
  q = fma(q, r, set(0.0416683927F));
  q = fma(q, r, set(0.166665196F));
  q = fma(q, r, set(0.49999994F));
  const VecF e = fma(r * r, q, r) + set(1.0F);
  return select(less(x, lowest), set(0.0F), times_power_of_two(e, n));
}

// Standard normal distribution at x: `upper` is P(X > |x|), `density` exp(-x²/2); upper / density is a polynomial in
// 1 / (1 + 0.27 |x|), relative error 3e-8.
struct NormalTail {
  VecF upper;
  VecF density;  // without the factor 1 / sqrt(2 pi)
};
inline NormalTail normal_tail(VecF x) {
  const VecF t = set(1.0F) / fma(abs(x), set(0.27F), set(1.0F));
  VecF q = fma(set(0.0288268644F), t, set(-0.125809133F));
  q = fma(q, t, set(0.168331072F));
  q = fma(q, t, set(-0.067471765F));
  q = fma(q, t, set(0.106565207F));
  q = fma(q, t, set(0.0726155266F));
  q = fma(q, t, set(0.101657286F));
  q = fma(q, t, set(0.107565738F));
  q = fma(q, t, set(0.10771922F));
  const VecF density = exp(x * x * set(-0.5F));
  return {q * t * density, density};
}

}  // namespace phalanx::ops::PHALANX_CPU_LEVEL
