// Scratch of matrix products on GPUs. Planning and running take it here.
#pragma once

#include "model/ops/partial_sums.h"

namespace phalanx::ops {

// What cuBLASLt wants on Hopper; one per stream.
inline constexpr std::int64_t kGpuProductBytes = std::int64_t{32} << 20;

inline Tensor take_product_workspace(Scratch& scratch) { return scratch.take({kGpuProductBytes}, DType::u8); }

// Column sums of dy (N, OC).
inline Tensor take_bias_sums(Scratch& scratch, const Tensor& dy) {
  return take_partial_sums(scratch, dy.size(0), 1, dy.size(1));
}

}  // namespace phalanx::ops
