// The hyperbolic tangent of elements: BERT's pooler.
#pragma once

#include "model/ops/exec.h"

namespace phalanx::ops {

struct TanhForward {
  Tensor y;  // (N, C) out; may be x
  Tensor x;  // (N, C)
};
void tanh_forward(const Exec& exec, const TanhForward& a);

struct TanhBackward {
  Tensor dx;  // (N, C) out: dy (1 - y²); may be dy
  Tensor dy;  // (N, C)
  Tensor y;   // (N, C) of forward
};
void tanh_backward(const Exec& exec, const TanhBackward& a);

}  // namespace phalanx::ops
