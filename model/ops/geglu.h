// GeGLU (Shazeer, arXiv 2002.05202): y = gelu(a) * b of rows [a | b].
#pragma once

#include "model/ops/gelu.h"

namespace phalanx::ops {

struct GegluForward {
  Tensor y;  // (N, F) out
  Tensor x;  // (N, 2 F)
  Gelu kind = Gelu::erf;
};
void geglu_forward(const Exec& exec, const GegluForward& a);

struct GegluBackward {
  Tensor dx;  // (N, 2 F) out; may be x
  Tensor dy;  // (N, F)
  Tensor x;   // (N, 2 F)
  Gelu kind = Gelu::erf;
};
void geglu_backward(const Exec& exec, const GegluBackward& a);

}  // namespace phalanx::ops
