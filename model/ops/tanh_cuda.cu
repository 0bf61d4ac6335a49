// The hyperbolic tangent on the GPU. A thread takes `width` neighbours.
#include "model/ops/cuda/cuda_ops.h"
#include "model/ops/cuda/launch.cuh"
#include "model/ops/cuda/pack.cuh"

namespace phalanx::ops::cuda {
namespace {

constexpr int kThreads = 256;

// y = tanh(x): 2 bytes read and 2 written per element of bf16.
template <class T, int width>
__global__ void tanh_forward_packs(T* y, const T* x, std::int64_t packs) {
  const std::int64_t p = thread_index();
  if (p >= packs) return;
  Floats<width> v = load<width>(x + p * width);
  for (int i = 0; i < width; ++i) v[i] = tanhf(v[i]);
  store(y + p * width, v);
}

// dx = dy (1 - y²): 6 bytes per element of bf16.
template <class T, int width>
__global__ void tanh_backward_packs(T* dx, const T* dy, const T* y, std::int64_t packs) {
  const std::int64_t p = thread_index();
  if (p >= packs) return;
  Floats<width> g = load<width>(dy + p * width);
  const Floats<width> v = load<width>(y + p * width);
  for (int i = 0; i < width; ++i) g[i] *= 1.0F - v[i] * v[i];
  store(dx + p * width, g);
}

}  // namespace

void tanh_forward(const Exec& exec, const TanhForward& a) {
  visit_packed(a.x.dtype, a.x.count(), {a.x, a.y}, [&]<class T, int width>() {
    const std::int64_t packs = a.x.count() / width;
    launch(tanh_forward_packs<T, width>, {divide_up(packs, kThreads), kThreads}, exec.stream, a.y.as<T>(), a.x.as<T>(),
           packs);
  });
}

void tanh_backward(const Exec& exec, const TanhBackward& a) {
  visit_packed(a.y.dtype, a.y.count(), {a.y, a.dy, a.dx}, [&]<class T, int width>() {
    const std::int64_t packs = a.y.count() / width;
    launch(tanh_backward_packs<T, width>, {divide_up(packs, kThreads), kThreads}, exec.stream, a.dx.as<T>(),
           a.dy.as<T>(), a.y.as<T>(), packs);
  });
}

}  // namespace phalanx::ops::cuda
