// dw (OC, IC) = or += dyᵀ (OC, N) x (N, IC): the gradient of a linear layer's weight, by tiles of our own.
#pragma once

#include <algorithm>

#include "model/ops/exec.h"

namespace phalanx::ops {

// Threads share tiles of dw, and a tile adds its rows in order: the bits do not depend on their number.
struct WeightProduct {
  Tensor dw;               // (OC, IC) fp32
  Tensor dy;               // (N, OC)
  Tensor x;                // (N, IC)
  bool accumulate = true;  // else what dw held is forgotten
  bool pairs = false;      // bf16 by dot products of pairs where the level has them; else in fp32
  Tensor panels;           // weight_product_floats() fp32
};

// Rows of dy and x that one pass adds up, in words of a product: a float, or two bf16.
inline constexpr std::int64_t kWeightProductWords = 512;
inline constexpr std::int64_t kWeightProductPanel = 48;  // columns that every level's panels divide
inline constexpr std::int64_t kWeightProductBlock = 96;  // columns of dy or x that a thread packs at a time

// The packed operand of a pass and a block of the other one for each thread, whatever the level and the dtype.
inline std::int64_t weight_product_floats(std::int64_t N, std::int64_t OC, std::int64_t IC, std::int64_t threads) {
  const std::int64_t shared = (std::min(OC, IC) + kWeightProductPanel - 1) / kWeightProductPanel * kWeightProductPanel;
  return std::min(N, kWeightProductWords) * (shared + threads * kWeightProductBlock);
}

}  // namespace phalanx::ops
