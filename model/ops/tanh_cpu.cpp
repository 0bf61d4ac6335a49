// The hyperbolic tangent on the CPU. It sees one row per sequence, so the library's function is fast enough.
#include <immintrin.h>

#include <cmath>

#include "model/ops/cpu/level_ops.h"

// After everything else: compiled for the level.
#include "model/ops/cpu/level_begin.h"

#include "model/ops/cpu/rows.h"
#include "model/ops/cpu/vector.h"

namespace phalanx::ops::PHALANX_CPU_LEVEL {

void tanh_forward(const Exec&, const TanhForward& a) {
  visit_dtype(a.x.dtype, [&]<class T>() {
    const T* x = a.x.as<T>();
    T* y = a.y.as<T>();
#pragma omp parallel for schedule(static)
    for (std::int64_t i = 0; i < a.x.count(); ++i) y[i] = static_cast<T>(std::tanh(static_cast<float>(x[i])));
  });
}

void tanh_backward(const Exec&, const TanhBackward& a) {
  visit_dtype(a.y.dtype, [&]<class T>() {
    const T* y = a.y.as<T>();
    const T* dy = a.dy.as<T>();
    T* dx = a.dx.as<T>();
    for_lanes(a.y.count(), [&](std::int64_t i, auto lanes) {
      const VecF y_i = load(y + i, lanes);
      store(dx + i, load(dy + i, lanes) * (set(1.0F) - y_i * y_i), lanes);
    });
  });
}

}  // namespace phalanx::ops::PHALANX_CPU_LEVEL

#include "model/ops/cpu/level_end.h"
