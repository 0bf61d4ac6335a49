// LayerNorm (Ba, Kiros, Hinton, arXiv 1607.06450), alone and fused with what comes before it in a transformer.
//
//   sum = residual + dropout(branch + bias)
//   y   = (sum - mean) * rstd * gamma + beta,   mean, rstd = 1 / sqrt(var + epsilon) per row, in fp32, two passes
//
// Statistics are taken from `sum` as stored (rounded to its dtype), so recomputing y from a stored sum gives the same
// bits.
#pragma once

#include "model/ops/exec.h"

namespace phalanx::ops {

struct LayernormForward {
  Tensor y;      // (N, C) out
  Tensor mean;   // (N) fp32 out
  Tensor rstd;   // (N) fp32 out
  Tensor x;      // (N, C)
  Tensor gamma;  // (C)
  Tensor beta;   // (C), may be undefined: none
  float epsilon = 1e-5F;
};
void layernorm_forward(const Exec& exec, const LayernormForward& a);

struct ResidualLayernormForward {
  Tensor sum;       // (N, C) out; may be `residual` or `branch`
  Tensor y;         // (N, C) out
  Tensor mean;      // (N) fp32 out
  Tensor rstd;      // (N) fp32 out
  Tensor residual;  // (N, C)
  Tensor branch;    // (N, C)
  Tensor bias;      // (C), may be undefined: none
  Tensor gamma;     // (C)
  Tensor beta;      // (C), may be undefined: none
  Dropout dropout;  // element (t, c) of sequence b has index t * C + c; N = B * T
  float epsilon = 1e-5F;
};
void residual_layernorm_forward(const Exec& exec, const ResidualLayernormForward& a);

struct LayernormBackward {
  Tensor dx;      // (N, C) out; may be dy or dx_add
  Tensor dgamma;  // (C) fp32, accumulated
  Tensor dbeta;   // (C) fp32, accumulated; undefined when beta is
  Tensor dy;      // (N, C)
  Tensor dx_add;  // (N, C) added to dx: gradient that reaches x by the residual path; may be undefined: none
  Tensor x;       // (N, C), the normalised tensor's input (`sum`)
  Tensor mean;    // (N) fp32
  Tensor rstd;    // (N) fp32
  Tensor gamma;   // (C)
};
void layernorm_backward(const Exec& exec, const LayernormBackward& a);

struct ResidualLayernormBackward {
  LayernormBackward norm;  // norm.dx is dsum = dresidual
  Tensor dbranch;  // (N, C) out: dropout mask applied to dsum; may be norm.dx when dropout.rate is 0 (then no copy is
                   // made)
  Tensor dbias;    // (C) fp32, accumulated: column sums of dbranch; may be undefined
  Dropout dropout;
};
void residual_layernorm_backward(const Exec& exec, const ResidualLayernormBackward& a);

}  // namespace phalanx::ops
