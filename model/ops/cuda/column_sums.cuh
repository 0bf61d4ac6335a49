// Sums over rows in two stages (model/ops/partial_sums.h): blocks of rows that the problem's size fixes make a line
// each, and the lines are added in order. No atomics; the bits depend neither on the GPU nor on its load.
#pragma once

#include <initializer_list>

#include "model/ops/cuda/launch.cuh"
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

}  // namespace phalanx::ops::cuda
