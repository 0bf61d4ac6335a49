// Error bounds that follow from the arithmetic, for comparisons with a double-precision reference.
#pragma once

#include <cmath>

#include "core/dtype.h"

namespace phalanx::testing {

inline constexpr double kUnitFp32 = 0x1p-24;  // relative error of one rounding to nearest
inline constexpr double kUnitBf16 = 0x1p-8;

inline double unit_of(DType dtype) { return dtype == DType::bf16 ? kUnitBf16 : kUnitFp32; }

// |computed - exact| of a dot product of `terms` in fp32, in any order, whose result is rounded to `out`:
// terms * u * sum|a b| (Higham, "Accuracy and Stability", 3.1) + half an ulp of the result. `magnitude`: sum |a b|.
inline double dot_bound(double terms, double magnitude, double exact, DType out) {
  const double sum = 1.01 * (terms + 1) * kUnitFp32 * magnitude;
  return sum + (out == DType::bf16 ? kUnitBf16 * (std::abs(exact) + sum) : 0.0);
}

}  // namespace phalanx::testing
