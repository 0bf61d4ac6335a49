// A matrix B (K, N) as tiles, the order in which the CPU's products read it. A tile holds rows * step rows of K and
// `columns` columns of N, in the order [rows][columns][step]: `step` neighbours of K side by side, as dot-product
// instructions want them (2 for bf16, 1 for fp32). Tiles at the edges are filled with zeros.
#pragma once

#include "model/ops/exec.h"

namespace phalanx::ops {

struct TiledMatrix {
  std::int64_t K = 0, N = 0;
  std::int64_t rows = 0, columns = 0, step = 0;  // of a tile
  std::int64_t k_stride = 0, n_stride = 0;       // elements from a tile to the next along K, along N
  std::int64_t tile_k() const { return rows * step; }
};

// tiles <- B of `dtype`: row-major (K, N), or with `transposed` stored as (N, K).
struct PackTiles {
  TiledMatrix layout;
  DType dtype = DType::f32;
  bool transposed = false;
  std::byte* tiles = nullptr;
  const std::byte* b = nullptr;
};

}  // namespace phalanx::ops
