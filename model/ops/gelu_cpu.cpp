// GELU on the CPU: threads share the elements, in backward the rows.
#include <immintrin.h>

#include <algorithm>

#include "model/ops/cpu/level_ops.h"
#include "model/ops/partial_sums.h"

// After everything else: compiled for the level.
#include "model/ops/cpu/level_begin.h"

#include "model/ops/cpu/column_sums.h"
#include "model/ops/cpu/gelu_forms.h"
#include "model/ops/cpu/rows.h"
#include "model/ops/cpu/vector.h"

namespace phalanx::ops::PHALANX_CPU_LEVEL {
namespace {

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
