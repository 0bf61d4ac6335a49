// Adds the lines of partial_sums.h to a gradient. Included in the level region.
#pragma once

#include "model/ops/cpu/rows.h"
#include "model/ops/cpu/vector.h"

namespace phalanx::ops::PHALANX_CPU_LEVEL {

// Line `sum` of `block`: (C) of partials (blocks, sums, C).
inline float* partial_line(const Tensor& partials, std::int64_t block, std::int64_t sum) {
  return partials.as<float>() + (block * partials.size(1) + sum) * partials.size(2);
}

inline void clear_partial_lines(const Tensor& partials, std::int64_t block) {
  float* lines = partial_line(partials, block, 0);
  std::fill(lines, lines + partials.size(1) * partials.size(2), 0.0F);
}

// totals[i][c] += sum i of line 0, of line 1, ...; blocks in order. An undefined total is left out.
inline void add_partial_lines(std::initializer_list<Tensor> totals, const Tensor& partials) {
  constexpr std::int64_t kColumns = 256;
  const std::int64_t blocks = partials.size(0);
  const std::int64_t C = partials.size(2);
  const std::int64_t pieces = (C + kColumns - 1) / kColumns;
  const auto sums = static_cast<std::int64_t>(totals.size());
#pragma omp parallel for schedule(static)
  for (std::int64_t task = 0; task < sums * pieces; ++task) {
    const std::int64_t sum = task / pieces;
    const std::int64_t begin = task % pieces * kColumns;
    const Tensor& total = totals.begin()[sum];
    if (!total.defined()) continue;
    float* out = total.as<float>() + begin;
    for_lanes(std::min(kColumns, C - begin), [&](std::int64_t c, auto lanes) {
      VecF lines = set(0.0F);
      for (std::int64_t block = 0; block < blocks; ++block) {
        lines = lines + load(partial_line(partials, block, sum) + begin + c, lanes);
      }
      store(out + c, load(out + c, lanes) + lines, lanes);
    });
  }
}

}  // namespace phalanx::ops::PHALANX_CPU_LEVEL
