// GELU on the CPU. tanh form: 0.5 (1 + tanh u) = 1 / (1 + e^(-2u)), so one exponential serves value and slope; erf
// form: by the normal tail, which brings the density for the slope.
#include <immintrin.h>

#include <algorithm>

#include "model/ops/cpu/level_ops.h"
#include "model/ops/partial_sums.h"

// After everything else: compiled for the level.
#include "model/ops/cpu/level_begin.h"

#include "model/ops/cpu/column_sums.h"
#include "model/ops/cpu/rows.h"
#include "model/ops/cpu/vector.h"
#include "model/ops/cpu/vector_math.h"

namespace phalanx::ops::PHALANX_CPU_LEVEL {
namespace {

constexpr float kMinus2Sqrt2OverPi = -1.5957691216F;  // -2 sqrt(2 / pi)
constexpr float kCubic = 0.044715F;
constexpr float kInverseSqrt2Pi = 0.3989422804F;

struct TanhForm {
  static VecF gate(VecF x) {  // 0.5 (1 + tanh u)
    const VecF inner = fma(x * x, set(kMinus2Sqrt2OverPi * kCubic), set(kMinus2Sqrt2OverPi));
    return set(1.0F) / (set(1.0F) + exp(x * inner));
  }
  static VecF value(VecF x) { return x * gate(x); }
  static VecF slope(VecF x) {  // gate + 2 x gate (1 - gate) du/dx
    const VecF g = gate(x);
    const VecF twice_du = fma(x * x, set(-3.0F * kMinus2Sqrt2OverPi * kCubic), set(-kMinus2Sqrt2OverPi));
    return fma(x * g * (set(1.0F) - g), twice_du, g);
  }
};

struct ErfForm {
  static VecF cumulative(VecF x, VecF upper) { return select(less(x, set(0.0F)), upper, set(1.0F) - upper); }
  static VecF value(VecF x) { return x * cumulative(x, normal_tail(x).upper); }
  static VecF slope(VecF x) {
    const NormalTail tail = normal_tail(x);
    return fma(x * tail.density, set(kInverseSqrt2Pi), cumulative(x, tail.upper));
  }
};

constexpr std::int64_t kChunk = 4096;  // elements that a thread takes at a time in forward

template <class Form, class T>
void forward_elements(T* y, const T* x, std::int64_t count) {
#pragma omp parallel for schedule(static)
  for (std::int64_t begin = 0; begin < count; begin += kChunk) {
    for_lanes(std::min(kChunk, count - begin), [&](std::int64_t i, auto lanes) {
      store(y + begin + i, Form::value(load(x + begin + i, lanes)), lanes);
    });
  }
}

template <class Form, class T>
void backward_row(T* dx, const T* dy, const T* x, std::int64_t F) {
  for_lanes(F, [&](std::int64_t f, auto lanes) {
    store(dx + f, load(dy + f, lanes) * Form::slope(load(x + f, lanes)), lanes);
  });
}

template <class T>
void add_to_line(float* line, const T* row, std::int64_t F) {
  for_lanes(F,
            [&](std::int64_t f, auto lanes) { store(line + f, load(line + f, lanes) + load(row + f, lanes), lanes); });
}

// `partials` is undefined when no sums are wanted.
template <class Form, class T>
void backward_rows(const GeluBackward& a, const Tensor& partials) {
  const std::int64_t N = a.x.size(0);
  const std::int64_t F = a.x.size(1);
  const RowBlocks blocks = row_blocks(N);
#pragma omp parallel for schedule(static)
  for (std::int64_t block = 0; block < blocks.count; ++block) {
    if (partials.defined()) clear_partial_lines(partials, block);
    const std::int64_t end = std::min((block + 1) * blocks.rows, N);
    for (std::int64_t n = block * blocks.rows; n < end; ++n) {
      T* dx_n = a.dx.as<T>() + n * F;
      backward_row<Form>(dx_n, a.dy.as<T>() + n * F, a.x.as<T>() + n * F, F);
      if (partials.defined()) add_to_line(partial_line(partials, block, 0), dx_n, F);
    }
  }
  if (partials.defined()) add_partial_lines({a.dbias}, partials);
}

// Calls f.template operator()<Form, T>().
template <class F>
void visit_form(Gelu kind, DType dtype, F&& f) {
  visit_dtype(dtype, [&]<class T>() {
    if (kind == Gelu::tanh) {
      f.template operator()<TanhForm, T>();
    } else {
      f.template operator()<ErfForm, T>();
    }
  });
}

}  // namespace

void gelu_forward(const Exec&, const GeluForward& a) {
  visit_form(a.kind, a.x.dtype,
             [&]<class Form, class T>() { forward_elements<Form>(a.y.as<T>(), a.x.as<T>(), a.x.count()); });
}

void gelu_backward(const Exec& exec, const GeluBackward& a) {
  Scratch scratch(*exec.workspace);
  const Tensor partials = a.dbias.defined() ? take_partial_sums(scratch, a.x.size(0), 1, a.x.size(1)) : Tensor{};
  visit_form(a.kind, a.x.dtype, [&]<class Form, class T>() { backward_rows<Form, T>(a, partials); });
}

}  // namespace phalanx::ops::PHALANX_CPU_LEVEL

#include "model/ops/cpu/level_end.h"
