// GELU (Hendrycks, Gimpel, arXiv 1606.08415). tanh: 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))), GPT-2's; erf: 0.5
// x (1 + erf(x / sqrt 2)), BERT's.
#pragma once

#include "model/ops/exec.h"

namespace phalanx::ops {

enum class Gelu : std::uint8_t { tanh, erf };

struct GeluForward {
  Tensor y;  // (N, F) out; may be x
  Tensor x;  // (N, F)
  Gelu kind = Gelu::tanh;
};
void gelu_forward(const Exec& exec, const GeluForward& a);

struct GeluBackward {
  Tensor dx;     // (N, F) out; may be dy or x
  Tensor dy;     // (N, F)
  Tensor x;      // (N, F)
  Tensor dbias;  // (F) fp32, accumulated: column sums of dx; may be undefined
  Gelu kind = Gelu::tanh;
};
void gelu_backward(const Exec& exec, const GeluBackward& a);

}  // namespace phalanx::ops
