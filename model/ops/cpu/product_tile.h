// Tiles of a matrix product: a few rows of a result at a time, all in registers, against rows of b that the first-level
// cache holds; and the products of attention, four rows at a time. Operands are 32-bit words of `step` elements each:
// one float, or two neighbours in bf16 whose products are added at once. Included in the level region.
#pragma once

#include "model/ops/cpu/bf16_pairs.h"

namespace phalanx::ops::PHALANX_CPU_LEVEL {

inline constexpr int kTileRows = 4;
inline constexpr int kTileVectors = PHALANX_CPU_V4 ? 4 : 2;  // 16 of 32, or 8 of 16, registers hold sums

// A (rows, K) operand, read one word at a time: word (m, k) is at data[m * row + k * column].
struct Left {
  const float* data;
  std::int64_t row;
  std::int64_t column;
};

enum class Into : std::uint8_t {
  overwrite,
  accumulate,
  stream,  // overwrites past the caches: whole aligned registers; finish_streams() before another thread reads them
};

// c (M, V registers) = [c +] a (M, K) b (K, V registers).
template <int step, int M, int V>
inline void multiply_tile(float* __restrict c, std::int64_t c_row, const Left& a, const float* __restrict b,
                          std::int64_t b_row, std::int64_t K, Into into) {
  VecF sums[M][V];
#pragma GCC unroll 8
  for (int m = 0; m < M; ++m) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) sums[m][v] = set(0.0F);
  }
  const float* a_k = a.data;
  for (std::int64_t k = 0; k < K; ++k) {
    VecF b_k[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) b_k[v] = load(b + v * kLanes);
#pragma GCC unroll 8
    for (int m = 0; m < M; ++m) {
      const VecF a_mk = set(a_k[m * a.row]);
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) sums[m][v] = add_products<step>(a_mk, b_k[v], sums[m][v]);
    }
    a_k += a.column;
    b += b_row;
  }
#pragma GCC unroll 8
  for (int m = 0; m < M; ++m) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      float* to = c + m * c_row + v * kLanes;
      if (into == Into::stream) {
        stream(to, sums[m][v]);
      } else {
        store(to, into == Into::accumulate ? load(to) + sums[m][v] : sums[m][v]);
      }
    }
  }
}

// c (4, columns) = [c +] a (4, K) b (K, columns), K in words; columns is a multiple of kLanes.
template <int step, Into into>
inline void multiply_rows(float* c, std::int64_t c_row, const Left& a, const float* b, std::int64_t b_row,
                          std::int64_t K, std::int64_t columns) {
  constexpr std::int64_t kWidth = std::int64_t{kTileVectors} * kLanes;
  std::int64_t n = 0;
  for (; n + kWidth <= columns; n += kWidth) {
    multiply_tile<step, kTileRows, kTileVectors>(c + n, c_row, a, b + n, b_row, K, into);
  }
  if constexpr (kTileVectors == 4) {
    if (n + 2 * kLanes <= columns) {
      multiply_tile<step, kTileRows, 2>(c + n, c_row, a, b + n, b_row, K, into);
      n += 2 * kLanes;
    }
  }
  if (n < columns) multiply_tile<step, kTileRows, 1>(c + n, c_row, a, b + n, b_row, K, into);
}

}  // namespace phalanx::ops::PHALANX_CPU_LEVEL
