// What the CPU's products need beside a product: conversions of blocks and column sums.
#include <algorithm>

#include "model/ops/cpu/level_ops.h"

#include "model/ops/cpu/level_begin.h"

namespace phalanx::ops::PHALANX_CPU_LEVEL {
namespace {

constexpr std::int64_t kTile = 256;       // columns whose sums stay in registers and L1
constexpr std::int64_t kRowsPerSum = 32;  // rows added before their sum joins the total: short chains lose fewer bits

template <class To, class From>
void cast_rows(const CastBlock& a) {
  auto* to = reinterpret_cast<To*>(a.to);
  const auto* from = reinterpret_cast<const From*>(a.from);
#pragma omp parallel for schedule(static)
  for (std::int64_t r = 0; r < a.rows; ++r) {
    To* __restrict to_r = to + r * a.to_stride;
    const From* __restrict from_r = from + r * a.from_stride;
    for (std::int64_t c = 0; c < a.columns; ++c) to_r[c] = static_cast<To>(static_cast<float>(from_r[c]));
  }
}

// sums[c] += x[0..rows)[c] for the columns of one tile; rows in order.
template <class T>
void add_tile(float* __restrict sums, const T* __restrict x, std::int64_t rows, std::int64_t stride,
              std::int64_t columns) {
  for (std::int64_t begin = 0; begin < rows; begin += kRowsPerSum) {
    const std::int64_t end = std::min(begin + kRowsPerSum, rows);
    float part[kTile] = {};
    for (std::int64_t r = begin; r < end; ++r) {
      const T* x_r = x + r * stride;
      for (std::int64_t c = 0; c < columns; ++c) part[c] += static_cast<float>(x_r[c]);
    }
    for (std::int64_t c = 0; c < columns; ++c) sums[c] += part[c];
  }
}

}  // namespace

void cast_block(const Exec& /*exec*/, const CastBlock& a) {
  visit_dtype(a.to_dtype,
              [&]<class To>() { visit_dtype(a.from_dtype, [&]<class From>() { cast_rows<To, From>(a); }); });
}

// Threads share the columns, never the rows: the bits do not depend on their number.
void column_sums(const Exec& /*exec*/, const Tensor& sums, const Tensor& x) {
  const std::int64_t N = x.size(0);
  const std::int64_t C = x.size(1);
  auto* sums_data = sums.as<float>();
  visit_dtype(x.dtype, [&]<class T>() {
    const T* data = x.as<T>();
#pragma omp parallel for schedule(static)
    for (std::int64_t c = 0; c < C; c += kTile) add_tile(sums_data + c, data + c, N, C, std::min(kTile, C - c));
  });
}

}  // namespace phalanx::ops::PHALANX_CPU_LEVEL

#include "model/ops/cpu/level_end.h"
