// GELU on the GPU.
#include "model/ops/cuda/column_sums.cuh"
#include "model/ops/cuda/cuda_ops.h"
#include "model/ops/cuda/gelu_forms.cuh"
#include "model/ops/cuda/pack.cuh"

namespace phalanx::ops::cuda {
namespace {

// y = gelu(x). A thread takes `width` neighbours: 2 bytes read and 2 written per element of bf16, one exponential.
template <class Form, class T, int width>
__global__ void gelu_forward_packs(T* y, const T* x, std::int64_t packs) {
  const std::int64_t p = thread_index();
  if (p >= packs) return;
  Floats<width> v = load<width>(x + p * width);
  for (int i = 0; i < width; ++i) v[i] = Form::value(v[i]);
  store(y + p * width, v);
}

// dx = dy gelu'(x); lines (blocks, F): column sums of dx as stored, over each block of rows, when not null.
// A thread owns `width` columns and walks down the rows of a block (blockIdx.y). 6 bytes per element of bf16.
template <class Form, class T, int width>
__global__ void gelu_backward_columns(T* dx, const T* dy, const T* x, float* lines, std::int64_t N, std::int64_t F,
                                      std::int64_t rows) {
  const std::int64_t f = thread_index() * width;
  if (f >= F) return;
  const std::int64_t begin = blockIdx.y * rows;
  const std::int64_t end = begin + rows < N ? begin + rows : N;
  Floats<width> sums{};
  for (std::int64_t n = begin; n < end; ++n) {
    const Floats<width> g = load<width>(dy + n * F + f);
    const Floats<width> v = load<width>(x + n * F + f);
    Floats<width> result;
    for (int i = 0; i < width; ++i) {
      result[i] = g[i] * Form::slope(v[i]);
      sums[i] += to_float(from_float<T>(result[i]));
    }
    store(dx + n * F + f, result);
  }
  if (lines != nullptr) store(lines + blockIdx.y * F + f, sums);
}

constexpr int kColumnThreads = 64;

}  // namespace

void gelu_forward(const Exec& exec, const GeluForward& a) {
  visit_form(a.kind, [&]<class Form>() {
    visit_packed(a.x.dtype, a.x.count(), {a.x, a.y}, [&]<class T, int width>() {
      const std::int64_t packs = a.x.count() / width;
      launch(gelu_forward_packs<Form, T, width>, {divide_up(packs, 256)}, exec.stream, a.y.as<T>(), a.x.as<T>(), packs);
    });
  });
}

void gelu_backward(const Exec& exec, const GeluBackward& a) {
  const std::int64_t N = a.x.size(0);
  const std::int64_t F = a.x.size(1);
  const RowBlocks blocks = row_blocks(N);
  Scratch scratch(*exec.workspace);
  const Tensor lines = a.dbias.defined() ? take_partial_sums(scratch, N, 1, F) : Tensor{};
  visit_form(a.kind, [&]<class Form>() {
    visit_packed(a.x.dtype, F, {a.x, a.dy, a.dx}, [&]<class T, int width>() {
      launch(gelu_backward_columns<Form, T, width>,
             {divide_up(F, kColumnThreads * width), kColumnThreads, blocks.count}, exec.stream, a.dx.as<T>(),
             a.dy.as<T>(), a.x.as<T>(), lines.defined() ? lines.as<float>() : nullptr, N, F, blocks.rows);
    });
  });
  if (lines.defined()) add_lines(exec, {a.dbias}, lines);
}

}  // namespace phalanx::ops::cuda
