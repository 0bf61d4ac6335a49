// dw = dyᵀ x. Both operands are packed into panels of words, along the rows that are added up: the narrower one once
// for all threads, the other block by block as the tiles need it. A tile of dw stays in registers while a pass goes by.
//
// Cost: the products; dy and x are read once (the wider one again for each cut, where blocks are few for the threads),
// dw is written once per pass, and read where it accumulates. One Zen 4 core, 1,024 rows, GPT-2 124M shapes, packing
// included: bf16 210-220 GFLOP/s (92-96 % of its peak), fp32 107-110 (94-96 %).
#include <immintrin.h>
#include <omp.h>

#include <algorithm>
#include <bit>

#include "model/ops/cpu/level_ops.h"

// After everything else: compiled for the level.
#include "model/ops/cpu/level_begin.h"

#include "model/ops/cpu/product_tile.h"

namespace phalanx::ops::PHALANX_CPU_LEVEL {
namespace {

constexpr int kRows = kLanes / 2;  // of a tile of dw: 8 x 3 of 32 registers hold sums, or 4 x 3 of 16
constexpr int kVectors = 3;
constexpr int kColumns = kVectors * kLanes;
static_assert(kWeightProductBlock % kRows == 0 && kWeightProductBlock % kColumns == 0);
static_assert(kWeightProductPanel % kRows == 0 && kWeightProductPanel % kColumns == 0);

constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// W words from `step` rows, `stride` elements apart.
template <int step, int W, class T>
inline void make_words(float* __restrict words, const T* __restrict x, [[maybe_unused]] std::int64_t stride) {
  if constexpr (step == 2) {
    for (int w = 0; w < W; ++w) {
      const auto pair = x[w].bits | static_cast<std::uint32_t>(x[stride + w].bits) << 16;
      words[w] = std::bit_cast<float>(pair);
    }
  } else {
    for (int w = 0; w < W; ++w) words[w] = static_cast<float>(x[w]);
  }
}

// G neighbouring panels (words, W) from `rows` rows of x and up to W * G of its columns; what is not there is zero.
template <int step, int W, int G, class T>
void pack_panels(float* panels, const T* x, std::int64_t rows, std::int64_t stride, std::int64_t columns) {
  const std::int64_t panel = ceil_div(rows, step) * W;
  for (std::int64_t row = 0; row < rows; row += step, panels += W, x += step * stride) {
    const std::int64_t there = std::min<std::int64_t>(step, rows - row);
    if (there == step && columns >= W * G) {
      for (int g = 0; g < G; ++g) make_words<step, W>(panels + g * panel, x + g * W, stride);
      continue;
    }
    T edge[step * W * G] = {};
    for (std::int64_t s = 0; s < there; ++s) {
      std::copy_n(x + s * stride, std::min<std::int64_t>(W * G, columns), edge + s * W * G);
    }
    for (int g = 0; g < G; ++g) make_words<step, W>(panels + g * panel, edge + g * W, W * G);
  }
}

// One operand of a pass: `rows` rows of dy or x, from which panels of W columns are packed.
template <int step, int W, class T>
struct Operand {
  static constexpr int kGroup = ceil_div(32, W);  // panels that share the lines of a row
  const T* data;
  std::int64_t rows, columns;

  // Panels of the columns [first, first + count), one after the other; `first` is a multiple of W.
  void pack(float* panels, std::int64_t first, std::int64_t count) const {
    const std::int64_t words = ceil_div(rows, step);
    std::int64_t c = 0;
    for (; c + W * kGroup <= count; c += W * kGroup) {
      pack_panels<step, W, kGroup>(panels + c * words, data + first + c, rows, columns, columns - first - c);
    }
    for (; c < count; c += W) {
      pack_panels<step, W, 1>(panels + c * words, data + first + c, rows, columns, columns - first - c);
    }
  }
};

// Where the tiles of a pass go.
template <int step>
struct Target {
  float* dw;
  std::int64_t OC, IC, words;
  Into into;

  // Brings a tile of dw to the caches, which takes as long as some of its products.
  void fetch_tile(const float* tile) const {
    for (int m = 0; m < kRows; ++m) {
      for (int n = 0; n < kColumns; n += 16) __builtin_prefetch(tile + m * IC + n, 1);
    }
  }

  // The tile of dw at (row, column), from a panel of dy and one of x.
  void multiply(const float* dy_panel, const float* x_panel, std::int64_t row, std::int64_t column) const {
    const Left left{dy_panel, 1, kRows};
    float* to = dw + row * IC + column;
    const std::int64_t tile_rows = std::min<std::int64_t>(kRows, OC - row);
    const std::int64_t tile_columns = std::min<std::int64_t>(kColumns, IC - column);
    if (tile_rows == kRows && tile_columns == kColumns) {
      if (into == Into::accumulate) fetch_tile(to);
      return multiply_tile<step, kRows, kVectors>(to, IC, left, x_panel, kColumns, words, into);
    }
    float edge[kRows * kColumns];
    multiply_tile<step, kRows, kVectors>(edge, kColumns, left, x_panel, kColumns, words, Into::overwrite);
    for (std::int64_t m = 0; m < tile_rows; ++m) {
      for (std::int64_t n = 0; n < tile_columns; ++n) {
        to[m * IC + n] = into == Into::accumulate ? to[m * IC + n] + edge[m * kColumns + n] : edge[m * kColumns + n];
      }
    }
  }
};

// Tasks are blocks of columns of `outer`, cut along those of `shared` too where there are few blocks for the threads.
// tile(block, first, shared_panels, begin) computes the tiles between a panel of shared and one of the block.
template <int step, int SharedW, int OuterW, class T, class Tile>
void run_tasks(const Operand<step, SharedW, T>& shared, const Operand<step, OuterW, T>& outer, float* panels,
               Tile&& tile) {
  const std::int64_t words = ceil_div(shared.rows, step);
  const std::int64_t shared_panels = ceil_div(shared.columns, SharedW);
  const std::int64_t blocks = ceil_div(outer.columns, kWeightProductBlock);
  // Each cut packs a block again: it keeps enough columns to be worth that.
  constexpr std::int64_t kCutColumns = 128;
  const std::int64_t wanted = std::clamp<std::int64_t>(shared.columns / kCutColumns, 1,
                                                       ceil_div(std::int64_t{4} * omp_get_max_threads(), blocks));
  const std::int64_t span = ceil_div(shared_panels, wanted);  // shared panels of a task
  const std::int64_t cuts = ceil_div(shared_panels, span);
  float* blocks_begin = panels + shared_panels * SharedW * words;
#pragma omp parallel
  {
#pragma omp for schedule(static)
    for (std::int64_t first = 0; first < shared.columns; first += kWeightProductBlock) {
      shared.pack(panels + first * words, first, std::min(kWeightProductBlock, shared.columns - first));
    }
    float* block = blocks_begin + omp_get_thread_num() * kWeightProductBlock * words;
#pragma omp for schedule(dynamic)
    for (std::int64_t task = 0; task < blocks * cuts; ++task) {
      const std::int64_t first = task / cuts * kWeightProductBlock;
      const std::int64_t count = std::min(kWeightProductBlock, outer.columns - first);
      outer.pack(block, first, count);
      const std::int64_t begin = task % cuts * span;
      for (std::int64_t panel = begin; panel < std::min(begin + span, shared_panels); ++panel) {
        for (std::int64_t c = 0; c < count; c += OuterW) {
          tile(panels + panel * SharedW * words, panel * SharedW, block + c * words, first + c);
        }
      }
    }
    finish_streams();
  }
}

// Nobody reads dw before the update. Whole registers of its rows can be streamed.
Into overwriting(const WeightProduct& a) {
  const bool past_caches = a.x.size(1) % 16 == 0 && worth_streaming(a.dw.data, a.dw.bytes());
  return past_caches ? Into::stream : Into::overwrite;
}

// The narrower operand is packed once for all threads, the other block by block into their caches.
template <int step, class T>
void multiply(const WeightProduct& a) {
  constexpr std::int64_t kPassRows = kWeightProductWords * step;
  const std::int64_t N = a.dy.size(0);
  const std::int64_t OC = a.dy.size(1);
  const std::int64_t IC = a.x.size(1);
  auto* panels = a.panels.as<float>();
  for (std::int64_t n = 0; n < N; n += kPassRows) {
    const std::int64_t rows = std::min(kPassRows, N - n);
    const Operand<step, kRows, T> dy{a.dy.as<T>() + n * OC, rows, OC};
    const Operand<step, kColumns, T> x{a.x.as<T>() + n * IC, rows, IC};
    const Target<step> dw{a.dw.as<float>(), OC, IC, ceil_div(rows, step),
                          a.accumulate || n > 0 ? Into::accumulate : overwriting(a)};
    if (IC <= OC) {
      run_tasks(x, dy, panels, [&](const float* x_panel, std::int64_t column, const float* dy_panel, std::int64_t row) {
        dw.multiply(dy_panel, x_panel, row, column);
      });
    } else {
      run_tasks(dy, x, panels, [&](const float* dy_panel, std::int64_t row, const float* x_panel, std::int64_t column) {
        dw.multiply(dy_panel, x_panel, row, column);
      });
    }
  }
}

}  // namespace

void weight_product(const Exec& /*exec*/, const WeightProduct& a) {
  visit_dtype(a.dy.dtype, [&]<class T>() {
    if (kStep<T> == 2 && a.pairs) return multiply<kStep<T>, T>(a);
    multiply<1, T>(a);
  });
}

}  // namespace phalanx::ops::PHALANX_CPU_LEVEL

#include "model/ops/cpu/level_end.h"
