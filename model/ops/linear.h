// Matrix products of linear layers: y = x Wᵀ + b and its transposes.
//
// A weight is packed once after each update, for the product that uses it, and reused by every micro-batch.
// Shapes: x (N, IC), W (OC, IC), y (N, OC). The CPU code begins in linear_onednn.cpp.
#pragma once

#include <string>

#include "model/ops/exec.h"

namespace phalanx::ops {

// A weight as the products want it.
struct LinearWeight {
  Tensor plain;            // (OC, IC) compute dtype
  Tensor packed_forward;   // u8 blob for y = x Wᵀ; undefined: use plain
  Tensor packed_backward;  // u8 blob for dx = dy W; undefined: use plain
};

// Bytes of a packed blob for W (OC, IC) of `dtype`; 0 where packing does not pay or the device does not pack.
std::int64_t packed_forward_bytes(const Exec& exec, std::int64_t OC, std::int64_t IC, DType dtype);
std::int64_t packed_backward_bytes(const Exec& exec, std::int64_t OC, std::int64_t IC, DType dtype);
// Fills the defined blobs from w.plain. Call after every change of the weight.
void pack_weight(const Exec& exec, const LinearWeight& w);

struct LinearForward {
  Tensor y;  // (N, OC) out
  Tensor x;  // (N, IC)
  LinearWeight w;
  Tensor bias;  // (OC), may be undefined: none
};
void linear_forward(const Exec& exec, const LinearForward& a);

struct LinearBackwardInput {
  Tensor dx;  // (N, IC) out
  Tensor dy;  // (N, OC)
  LinearWeight w;
};
void linear_backward_input(const Exec& exec, const LinearBackwardInput& a);

struct LinearBackwardWeight {
  Tensor dw;                        // (OC, IC) fp32: += or = dyᵀ x
  Tensor dbias;                     // (OC) fp32, accumulated: column sums of dy; may be undefined
  Tensor dy;                        // (N, OC)
  Tensor x;                         // (N, IC)
  Write write = Write::accumulate;  // of dw
};
void linear_backward_weight(const Exec& exec, const LinearBackwardWeight& a);

// How this backend multiplies, for the start-up line: e.g. "oneDNN 2.6.3, bf16 by AVX-512 dot products".
std::string describe_products(const Exec& exec, DType dtype);

}  // namespace phalanx::ops
