// The two forms of GELU on the GPU: value and slope. tanh: 0.5 (1 + tanh u) = 1 / (1 + e^(-2u)), so one exponential
// serves both.
#pragma once

#include <cuda_runtime.h>

#include "model/ops/gelu.h"

namespace phalanx::ops::cuda {

inline constexpr float kMinus2Sqrt2OverPi = -1.5957691216F;  // -2 sqrt(2 / pi)
inline constexpr float kCubic = 0.044715F;
inline constexpr float kInverseSqrt2 = 0.7071067812F;
inline constexpr float kInverseSqrt2Pi = 0.3989422804F;

struct TanhForm {
  __device__ static float gate(float x) {  // 0.5 (1 + tanh u)
    const float inner = fmaf(x * x, kMinus2Sqrt2OverPi * kCubic, kMinus2Sqrt2OverPi);
    return 1.0F / (1.0F + expf(x * inner));
  }
  __device__ static float value(float x) { return x * gate(x); }
  __device__ static float slope(float x) {  // gate + 2 x gate (1 - gate) du/dx
    const float g = gate(x);
    const float twice_du = fmaf(x * x, -3.0F * kMinus2Sqrt2OverPi * kCubic, -kMinus2Sqrt2OverPi);
    return fmaf(x * g * (1.0F - g), twice_du, g);
  }
};

struct ErfForm {
  __device__ static float cumulative(float x) { return 0.5F * erfcf(-x * kInverseSqrt2); }
  __device__ static float value(float x) { return x * cumulative(x); }
  __device__ static float slope(float x) { return fmaf(x * expf(-0.5F * x * x), kInverseSqrt2Pi, cumulative(x)); }
};

// Calls f.template operator()<Form>().
template <class F>
void visit_form(Gelu kind, F&& f) {
  if (kind == Gelu::tanh) {
    f.template operator()<TanhForm>();
  } else {
    f.template operator()<ErfForm>();
  }
}

}  // namespace phalanx::ops::cuda
