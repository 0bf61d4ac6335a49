// LAMB's update of a flat range in two passes, between which whoever holds the other pieces of the tensor is asked for
// norms (trainer/optimizer/lamb.h has the algorithm).
#pragma once

#include "model/ops/exec.h"

namespace phalanx::ops {

// Bias-corrected moments, and the direction u that they and the decay ask for, which takes the gradient's place:
//   g = grad * grad_scale;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g²
//   u = m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + epsilon) + weight_decay * master
struct LambDirection {
  Tensor master;  // (n) fp32
  Tensor m;       // (n) fp32 in and out
  Tensor v;       // (n) fp32 in and out
  Tensor grad;    // (n) fp32: g in, u out
  float beta1 = 0, beta2 = 0, epsilon = 0, weight_decay = 0;
  float grad_scale = 1;  // clip factor
  std::int64_t t = 1;    // update count from 1
};
void lamb_direction(const Exec& exec, const LambDirection& a);

// master -= rate * direction; weight <- master rounded.
struct LambApply {
  Tensor master;     // (n) fp32 in and out
  Tensor direction;  // (n) fp32
  Tensor weight;     // (n) compute dtype out; undefined or equal to master: none
  float rate = 0;    // learning rate times trust ratio
};
void lamb_apply(const Exec& exec, const LambApply& a);

}  // namespace phalanx::ops
