// GeGLU on the CPU: threads share the rows.
#include <immintrin.h>

#include "model/ops/cpu/level_ops.h"

// After everything else: compiled for the level.
#include "model/ops/cpu/level_begin.h"

#include "model/ops/cpu/gelu_forms.h"
#include "model/ops/cpu/rows.h"
#include "model/ops/cpu/vector.h"

namespace phalanx::ops::PHALANX_CPU_LEVEL {
namespace {

template <class Form, class T>
void forward_rows(const GegluForward& a) {
  const std::int64_t F = a.y.size(1);
#pragma omp parallel for schedule(static)
  for (std::int64_t n = 0; n < a.y.size(0); ++n) {
    const T* x_n = a.x.as<T>() + n * 2 * F;
    T* y_n = a.y.as<T>() + n * F;
    for_lanes(F, [&](std::int64_t f, auto lanes) {
      store(y_n + f, Form::value(load(x_n + f, lanes)) * load(x_n + F + f, lanes), lanes);
    });
  }
}

template <class Form, class T>
void backward_rows(const GegluBackward& a) {
  const std::int64_t F = a.dy.size(1);
#pragma omp parallel for schedule(static)
  for (std::int64_t n = 0; n < a.dy.size(0); ++n) {
    const T* x_n = a.x.as<T>() + n * 2 * F;
    const T* dy_n = a.dy.as<T>() + n * F;
    T* dx_n = a.dx.as<T>() + n * 2 * F;
    for_lanes(F, [&](std::int64_t f, auto lanes) {
      const VecF activated = load(x_n + f, lanes);
      const VecF gate = load(x_n + F + f, lanes);
      const VecF dy = load(dy_n + f, lanes);
      store(dx_n + f, dy * gate * Form::slope(activated), lanes);
      store(dx_n + F + f, dy * Form::value(activated), lanes);
    });
  }
}

}  // namespace

void geglu_forward(const Exec&, const GegluForward& a) {
  visit_form(a.kind, a.y.dtype, [&]<class Form, class T>() { forward_rows<Form, T>(a); });
}

void geglu_backward(const Exec&, const GegluBackward& a) {
  visit_form(a.kind, a.dy.dtype, [&]<class Form, class T>() { backward_rows<Form, T>(a); });
}

}  // namespace phalanx::ops::PHALANX_CPU_LEVEL

#include "model/ops/cpu/level_end.h"
