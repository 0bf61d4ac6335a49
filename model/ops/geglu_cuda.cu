// GeGLU on the GPU. A thread takes `width` columns of y and the two that they come from.
#include "model/ops/cuda/cuda_ops.h"
#include "model/ops/cuda/gelu_forms.cuh"
#include "model/ops/cuda/launch.cuh"
#include "model/ops/cuda/pack.cuh"

namespace phalanx::ops::cuda {
namespace {

constexpr int kThreads = 256;

// y = gelu(a) b: 6 bytes per element of y in bf16.
template <class Form, class T, int width>
__global__ void geglu_forward_packs(T* y, const T* x, std::int64_t packs, std::int64_t F) {
  const std::int64_t p = thread_index();
  if (p >= packs) return;
  const std::int64_t n = p * width / F;
  const std::int64_t f = p * width % F;
  Floats<width> v = load<width>(x + n * 2 * F + f);
  const Floats<width> gate = load<width>(x + n * 2 * F + F + f);
  for (int i = 0; i < width; ++i) v[i] = Form::value(v[i]) * gate[i];
  store(y + p * width, v);
}

// da = dy b gelu'(a), db = dy gelu(a): 10 bytes per element of y in bf16. dx may be x.
template <class Form, class T, int width>
__global__ void geglu_backward_packs(T* dx, const T* dy, const T* x, std::int64_t packs, std::int64_t F) {
  const std::int64_t p = thread_index();
  if (p >= packs) return;
  const std::int64_t at = p * width / F * 2 * F + p * width % F;
  const Floats<width> a = load<width>(x + at);
  const Floats<width> gate = load<width>(x + at + F);
  const Floats<width> g = load<width>(dy + p * width);
  Floats<width> da;
  Floats<width> dgate;
  for (int i = 0; i < width; ++i) {
    da[i] = g[i] * gate[i] * Form::slope(a[i]);
    dgate[i] = g[i] * Form::value(a[i]);
  }
  store(dx + at, da);
  store(dx + at + F, dgate);
}

}  // namespace

void geglu_forward(const Exec& exec, const GegluForward& a) {
  const std::int64_t F = a.y.size(1);
  visit_form(a.kind, [&]<class Form>() {
    visit_packed(a.y.dtype, F, {a.x, a.y}, [&]<class T, int width>() {
      const std::int64_t packs = a.y.count() / width;
      launch(geglu_forward_packs<Form, T, width>, {divide_up(packs, kThreads), kThreads}, exec.stream, a.y.as<T>(),
             a.x.as<T>(), packs, F);
    });
  });
}

void geglu_backward(const Exec& exec, const GegluBackward& a) {
  const std::int64_t F = a.dy.size(1);
  visit_form(a.kind, [&]<class Form>() {
    visit_packed(a.dy.dtype, F, {a.x, a.dy, a.dx}, [&]<class T, int width>() {
      const std::int64_t packs = a.dy.count() / width;
      launch(geglu_backward_packs<Form, T, width>, {divide_up(packs, kThreads), kThreads}, exec.stream, a.dx.as<T>(),
             a.dy.as<T>(), a.x.as<T>(), packs, F);
    });
  });
}

}  // namespace phalanx::ops::cuda
