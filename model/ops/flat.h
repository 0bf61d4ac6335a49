// Ops on flat ranges: what optimizer, gradient norm and precision need. Nothing here knows a shape.
#pragma once

#include "model/ops/exec.h"

namespace phalanx::ops {

// out <- in, converting between fp32 and bf16 (round to nearest even).
void cast(const Exec& exec, const Tensor& out, const Tensor& in);
// y += x (same dtype, or y fp32 and x bf16).
void add(const Exec& exec, const Tensor& y, const Tensor& x);

// out (1) fp64 <- sum of squares of x, over fixed chunks in a fixed tree, in fp64: the same bits for every number of
// threads. Not finite when x holds a value that is not.
inline constexpr std::int64_t kSquaresChunk = 4096;  // elements of one partial sum
void sum_of_squares(const Exec& exec, const Tensor& out, const Tensor& x);

// AdamW (Loshchilov, Hutter, arXiv 1711.05101), bias-corrected:
//   g = grad * grad_scale;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g²
//   w = w - lr * (m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + epsilon) + weight_decay * w)
struct AdamwUpdate {
  Tensor master;  // (n) fp32 in and out
  Tensor m;       // (n) fp32 in and out
  Tensor v;       // (n) fp32 in and out
  Tensor grad;    // (n) fp32
  Tensor weight;  // (n) compute dtype out: master rounded; undefined or equal to master: none
  float learning_rate = 0, beta1 = 0, beta2 = 0, epsilon = 0, weight_decay = 0;
  float grad_scale = 1;  // clip factor
  std::int64_t t = 1;    // update count from 1
};
void adamw_update(const Exec& exec, const AdamwUpdate& a);

}  // namespace phalanx::ops
