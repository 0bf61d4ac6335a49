// y = x * mask / (1 - rate), alone; inside the residual it is fused (layernorm.h). Forward and backward are the same
// function.
#pragma once

#include "model/ops/exec.h"

namespace phalanx::ops {

struct DropoutApply {
  Tensor y;  // (N, C) out; may be x
  Tensor x;  // (N, C), N = B * T; element (t, c) of sequence b has index t * C + c
  Dropout dropout;
};
void dropout_apply(const Exec& exec, const DropoutApply& a);

}  // namespace phalanx::ops
