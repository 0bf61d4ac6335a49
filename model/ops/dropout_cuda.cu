// Dropout alone, on the GPU.
#include "model/ops/cuda/cuda_ops.h"
#include "model/ops/cuda/launch.cuh"
#include "model/ops/cuda/random.cuh"

namespace phalanx::ops::cuda {
namespace {

// y = dropout(x). A thread takes `width` neighbours of a row: 4 bytes per element of bf16, a Philox block per 4.
template <class T, int width>
__global__ void dropout_packs(T* y, const T* x, Dropper dropper, std::int64_t N, std::int64_t C) {
  const std::int64_t i = thread_index() * width;
  if (i >= N * C) return;
  Floats<width> v = load<width>(x + i);
  drop(dropper, v, i / C, i % C);
  store(y + i, v);
}

}  // namespace

void dropout_apply(const Exec& exec, const DropoutApply& a) {
  const std::int64_t N = a.x.size(0);
  const std::int64_t C = a.x.size(1);
  visit_packed(a.x.dtype, C, {a.x, a.y}, [&]<class T, int width>() {
    launch(dropout_packs<T, width>, {divide_up(N * C / width, 256)}, exec.stream, a.y.as<T>(), a.x.as<T>(),
           make_dropper(a.dropout, N, C), N, C);
  });
}

}  // namespace phalanx::ops::cuda
