// Dropout on the CPU: threads share the rows.
#include <immintrin.h>

#include <algorithm>

#include "core/random.h"
#include "model/ops/cpu/level_ops.h"

// After everything else: compiled for the level.
#include "model/ops/cpu/level_begin.h"

#include "model/ops/cpu/rows.h"
#include "model/ops/cpu/vector.h"
#include "model/ops/cpu/vector_random.h"

namespace phalanx::ops::PHALANX_CPU_LEVEL {
namespace {

template <class T>
void copy_rows(const DropoutApply& a) {
  if (a.y.data == a.x.data) return;
  const std::int64_t C = a.x.size(1);
#pragma omp parallel for schedule(static)
  for (std::int64_t n = 0; n < a.x.size(0); ++n) {
    std::copy_n(a.x.as<T>() + n * C, C, a.y.as<T>() + n * C);
  }
}

template <class T>
void drop_rows(const DropoutApply& a) {
  const std::int64_t N = a.x.size(0);
  const std::int64_t C = a.x.size(1);
  const RowStreams streams = row_streams(a.dropout, N, C);
  const Dropper dropped = make_dropper(a.dropout.rate);
#pragma omp parallel for schedule(static)
  for (std::int64_t n = 0; n < N; ++n) {
    const T* x_n = a.x.as<T>() + n * C;
    T* y_n = a.y.as<T>() + n * C;
    for_lanes_with_bits(streams.stream(n), streams.first(n), C,
                        [&](std::int64_t c, auto lanes, const std::uint32_t* bits) {
                          store(y_n + c, dropped(load(x_n + c, lanes), bits), lanes);
                        });
  }
}

}  // namespace

void dropout_apply(const Exec&, const DropoutApply& a) {
  visit_dtype(a.x.dtype, [&]<class T>() {
    if (a.dropout.rate > 0.0F) {
      drop_rows<T>(a);
    } else {
      copy_rows<T>(a);
    }
  });
}

}  // namespace phalanx::ops::PHALANX_CPU_LEVEL

#include "model/ops/cpu/level_end.h"
