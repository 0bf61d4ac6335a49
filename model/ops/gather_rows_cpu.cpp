// Gathering rows on the CPU. Forward: threads share the rows. Backward: threads share the channels and walk the rows in
// order, so each element is summed by one thread in the order of the rows, whatever their number.
#include <immintrin.h>
#include <omp.h>

#include <algorithm>

#include "model/ops/cpu/level_ops.h"

// After everything else: compiled for the level.
#include "model/ops/cpu/level_begin.h"

#include "model/ops/cpu/rows.h"
#include "model/ops/cpu/vector.h"

namespace phalanx::ops::PHALANX_CPU_LEVEL {
namespace {

// Where the rows lie in a matrix of N; indices come from input: one beyond it must not become a wild read.
class RowIndex {
 public:
  RowIndex(const char* op, const Tensor& rows, std::int64_t R, std::int64_t N)
      : rows_(rows.defined() ? rows.as<std::int32_t>() : nullptr), part_(R > 0 ? N / R : 0) {
    for (std::int64_t r = 0; rows_ != nullptr && r < R; ++r) {
      ENSURE(rows_[r] < N, op, ": row ", rows_[r], " is outside the ", N, " rows");
    }
  }
  [[nodiscard]] std::int64_t operator[](std::int64_t r) const { return rows_ != nullptr ? rows_[r] : r * part_; }

 private:
  const std::int32_t* rows_;
  std::int64_t part_;
};

template <class T>
void gather(const GatherRows& a, const RowIndex& index) {
  const std::int64_t C = a.x.size(1);
#pragma omp parallel for schedule(static)
  for (std::int64_t r = 0; r < a.y.size(0); ++r) {
    T* y_r = a.y.as<T>() + r * C;
    if (index[r] < 0) {
      std::fill_n(y_r, C, T{});
    } else {
      std::copy_n(a.x.as<T>() + index[r] * C, C, y_r);
    }
  }
}

// Channels [begin, begin + count) of all rows.
template <class T>
void scatter_channels(const ScatterRows& a, const RowIndex& index, std::int64_t begin, std::int64_t count) {
  const std::int64_t C = a.dx.size(1);
  if (a.write == Write::overwrite) {
    for (std::int64_t n = 0; n < a.dx.size(0); ++n) std::fill_n(a.dx.as<T>() + n * C + begin, count, T{});
  }
  for (std::int64_t r = 0; r < a.dy.size(0); ++r) {
    if (index[r] < 0) continue;
    T* dx_n = a.dx.as<T>() + index[r] * C + begin;
    const T* dy_r = a.dy.as<T>() + r * C + begin;
    for_lanes(count, [&](std::int64_t c, auto lanes) {
      store(dx_n + c, load(dx_n + c, lanes) + load(dy_r + c, lanes), lanes);
    });
  }
}

}  // namespace

void gather_rows(const Exec&, const GatherRows& a) {
  const RowIndex index("gather_rows", a.rows, a.y.size(0), a.x.size(0));
  visit_dtype(a.x.dtype, [&]<class T>() { gather<T>(a, index); });
}

void scatter_rows(const Exec&, const ScatterRows& a) {
  const RowIndex index("scatter_rows", a.rows, a.dy.size(0), a.dx.size(0));
  visit_dtype(a.dx.dtype, [&]<class T>() {
    constexpr std::int64_t kUnit = 32;  // channels; whole cache lines of fp32 and bf16
    const std::int64_t C = a.dx.size(1);
    const std::int64_t units = (C + kUnit - 1) / kUnit;
    const std::int64_t parts = std::min<std::int64_t>(units, omp_get_max_threads());
#pragma omp parallel for schedule(static)
    for (std::int64_t part = 0; part < parts; ++part) {
      const std::int64_t begin = units * part / parts * kUnit;
      const std::int64_t end = std::min(units * (part + 1) / parts * kUnit, C);
      scatter_channels<T>(a, index, begin, end - begin);
    }
  });
}

}  // namespace phalanx::ops::PHALANX_CPU_LEVEL

#include "model/ops/cpu/level_end.h"
