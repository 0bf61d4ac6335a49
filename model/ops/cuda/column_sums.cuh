// Sums over rows in two stages (model/ops/partial_sums.h): blocks of rows that the problem's size fixes make a line
// each, and the lines are added in order. No atomics; the bits depend neither on the GPU nor on its load.
#pragma once

#include <initializer_list>

#include "model/ops/cuda/launch.cuh"
#include "model/ops/cuda/pack.cuh"
#include "model/ops/exec.h"
#include "model/ops/partial_sums.h"

namespace phalanx::ops::cuda {

struct Totals {
  float* totals[3];
  int sums;
};

// totals[s][c] += lines (blocks, sums, C)[0][s][c] + [1][s][c] + ...; one thread per column, one row of the grid per
// sum.
static __global__ void add_lines_by_column(Totals to, const float* lines, std::int64_t blocks, std::int64_t C) {
  const std::int64_t c = thread_index();
  const int s = static_cast<int>(blockIdx.y);
  if (c >= C || to.totals[s] == nullptr) return;
  float sum = 0.0F;
  for (std::int64_t b = 0; b < blocks; ++b) sum += lines[(b * to.sums + s) * C + c];
  to.totals[s][c] += sum;
}

// totals[s] (C) fp32 += the sum of its lines; lines (blocks, sums, C). An undefined total is left out.
inline void add_lines(const Exec& exec, std::initializer_list<Tensor> totals, const Tensor& lines) {
  Totals to{{nullptr, nullptr, nullptr}, static_cast<int>(lines.size(1))};
  int s = 0;
  for (const Tensor& total : totals) {
    to.totals[s++] = total.defined() ? total.as<float>() : nullptr;
  }
  launch(add_lines_by_column, {divide_up(lines.size(2), 128), 128, lines.size(1)}, exec.stream, to, lines.as<float>(),
         lines.size(0), lines.size(2));
}

// What sum_columns adds up when it is x itself.
struct AsStored {
  template <int width>
  __device__ void operator()(Floats<width>& /*values*/, std::int64_t /*n*/, std::int64_t /*c*/) const {}
};

// Line `sum` of lines (blocks, sums, C): column sums of x over each block of rows, each element as `change` makes it; a
// thread owns `width` columns. 2 bytes per element of bf16.
template <class T, int width, class Change>
__global__ void sum_columns_of_blocks(float* lines, const T* x, Change change, std::int64_t N, std::int64_t C,
                                      std::int64_t rows, int sums, int sum) {
  const std::int64_t c = thread_index() * width;
  if (c >= C) return;
  const std::int64_t begin = blockIdx.y * rows;
  const std::int64_t end = begin + rows < N ? begin + rows : N;
  Floats<width> total{};
  for (std::int64_t n = begin; n < end; ++n) {
    Floats<width> v = load<width>(x + n * C + c);
    change(v, n, c);
    for (int i = 0; i < width; ++i) total[i] += v[i];
  }
  store(lines + (blockIdx.y * sums + sum) * C + c, total);
}

// Line `sum` of every block of lines (blocks, sums, C) <- column sums of change(x), x (N, C), over its rows.
template <class Change = AsStored>
void sum_columns(const Exec& exec, const Tensor& lines, const Tensor& x, int sum, Change change = {}) {
  constexpr int kThreads = 64;
  const std::int64_t N = x.size(0);
  const std::int64_t C = x.size(1);
  const RowBlocks blocks = row_blocks(N);
  visit_packed(x.dtype, C, {x, lines}, [&]<class T, int width>() {
    launch(sum_columns_of_blocks<T, width, Change>, {divide_up(C, kThreads * width), kThreads, blocks.count},
           exec.stream, lines.as<float>(), x.as<T>(), change, N, C, blocks.rows, static_cast<int>(lines.size(1)), sum);
  });
}

}  // namespace phalanx::ops::cuda
