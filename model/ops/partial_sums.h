// Sums over rows (gradients of biases and of norms) that do not depend on the number of threads: rows are cut into
// fixed blocks, each block sums into a line of its own, and the lines are added in order.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/arena.h"

namespace phalanx::ops {

struct RowBlocks {
  std::int64_t rows;   // of each block but the last
  std::int64_t count;  // at most 64
};
inline RowBlocks row_blocks(std::int64_t N) {
  const std::int64_t rows = std::max<std::int64_t>(32, (N + 63) / 64);
  return {rows, (N + rows - 1) / rows};
}

// (blocks, sums, C) fp32: the lines of `sums` sums over N rows.
inline Tensor take_partial_sums(Scratch& scratch, std::int64_t N, std::int64_t sums, std::int64_t C) {
  return scratch.take({row_blocks(N).count, sums, C}, DType::f32);
}

}  // namespace phalanx::ops
