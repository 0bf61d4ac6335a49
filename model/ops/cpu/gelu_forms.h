// Value and slope of GELU on registers. tanh form: 0.5 (1 + tanh u) = 1 / (1 + e^(-2u)), so one exponential serves
// both; erf form: by the normal tail, which brings the density for the slope. Included in the level region.
#pragma once

#include "model/ops/cpu/vector.h"
#include "model/ops/cpu/vector_math.h"

namespace phalanx::ops::PHALANX_CPU_LEVEL {

inline constexpr float kMinus2Sqrt2OverPi = -1.5957691216F;  // -2 sqrt(2 / pi)
inline constexpr float kCubic = 0.044715F;
inline constexpr float kInverseSqrt2Pi = 0.3989422804F;

struct TanhForm {
  static VecF gate(VecF x) {  // 0.5 (1 + tanh u)
    const VecF inner = fma(x * x, set(kMinus2Sqrt2OverPi * kCubic), set(kMinus2Sqrt2OverPi));
    return set(1.0F) / (set(1.0F) + exp(x * inner));
  }
  static VecF value(VecF x) { return x * gate(x); }
  static VecF slope(VecF x) {  // gate + 2 x gate (1 - gate) du/dx
    const VecF g = gate(x);
    const VecF twice_du = fma(x * x, set(-3.0F * kMinus2Sqrt2OverPi * kCubic), set(-kMinus2Sqrt2OverPi));
    return fma(x * g * (set(1.0F) - g), twice_du, g);
  }
};

struct ErfForm {
  static VecF cumulative(VecF x, VecF upper) { return select(less(x, set(0.0F)), upper, set(1.0F) - upper); }
  static VecF value(VecF x) { return x * cumulative(x, normal_tail(x).upper); }
  static VecF slope(VecF x) {
    const NormalTail tail = normal_tail(x);
    return fma(x * tail.density, set(kInverseSqrt2Pi), cumulative(x, tail.upper));
  }
};

// Calls f.template operator()<Form, T>().
template <class F>
inline void visit_form(Gelu kind, DType dtype, F&& f) {
  visit_dtype(dtype, [&]<class T>() {
    if (kind == Gelu::tanh) {
      f.template operator()<TanhForm, T>();
    } else {
      f.template operator()<ErfForm, T>();
    }
  });
}

}  // namespace phalanx::ops::PHALANX_CPU_LEVEL
