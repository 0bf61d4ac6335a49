// Flat ops on the GPU, bounded by memory: casts, sums, AdamW.
#include <cmath>

#include "model/ops/adamw_factors.h"
#include "model/ops/cuda/cuda_ops.h"
#include "model/ops/cuda/pack.cuh"
#include "model/ops/cuda/reduce.cuh"

namespace phalanx::ops::cuda {
namespace {

constexpr int kThreads = 256;

// out = in, between dtypes; 4 neighbours per thread.
template <class To, class From, int width>
__global__ void cast_packs(To* out, const From* in, std::int64_t packs) {
  const std::int64_t p = thread_index();
  if (p < packs) store(out + p * width, load<width>(in + p * width));
}

// y += x.
template <class Y, class X, int width>
__global__ void add_packs(Y* y, const X* x, std::int64_t packs) {
  const std::int64_t p = thread_index();
  if (p >= packs) return;
  Floats<width> sum = load<width>(y + p * width);
  const Floats<width> more = load<width>(x + p * width);
  for (int i = 0; i < width; ++i) sum[i] += more[i];
  store(y + p * width, sum);
}

// partial[b] = sum of squares of elements [b kSquaresChunk, (b + 1) kSquaresChunk) in fp64: a thread takes every
// kThreads-th element, then a tree. 2 or 4 bytes per element.
template <class T>
__global__ void sum_of_squares_block_per_chunk(double* partial, const T* x, std::int64_t n) {
  const std::int64_t begin = static_cast<std::int64_t>(blockIdx.x) * kSquaresChunk;
  const std::int64_t end = begin + kSquaresChunk < n ? begin + kSquaresChunk : n;
  double sum = 0.0;
  for (std::int64_t i = begin + threadIdx.x; i < end; i += kThreads) {
    const auto value = static_cast<double>(to_float(x[i]));
    sum += value * value;
  }
  sum = block_reduce(sum, Add{});
  if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

// out = sum of x (n): one block; a thread takes every kThreads-th element in order, then a tree.
__global__ void sum_in_one_block(double* out, const double* x, std::int64_t n) {
  double sum = 0.0;
  for (std::int64_t i = threadIdx.x; i < n; i += kThreads) sum += x[i];
  sum = block_reduce(sum, Add{});
  if (threadIdx.x == 0) *out = sum;
}

// flat.h has the formula. 28 bytes per element, 30 with a bf16 weight; weight may be null.
template <class W, int width>
__global__ void adamw_packs(AdamwFactors f, float* master, float* m, float* v, const float* grad, W* weight,
                            std::int64_t packs) {
  const std::int64_t p = thread_index();
  if (p >= packs) return;
  const std::int64_t i = p * width;
  Floats<width> w4 = load<width>(master + i);
  Floats<width> m4 = load<width>(m + i);
  Floats<width> v4 = load<width>(v + i);
  const Floats<width> g4 = load<width>(grad + i);
  for (int k = 0; k < width; ++k) {
    const float g = g4[k] * f.grad_scale;
    m4[k] = f.beta1 * m4[k] + f.one_minus_beta1 * g;
    v4[k] = f.beta2 * v4[k] + f.one_minus_beta2 * (g * g);
    w4[k] = w4[k] * f.decay - f.step_size * m4[k] / (sqrtf(v4[k] * f.v_correction) + f.epsilon);
  }
  store(m + i, m4);
  store(v + i, v4);
  store(master + i, w4);
  if (weight != nullptr) store(weight + i, w4);
}

// Whether every tensor begins where 4 of its elements can be accessed at once, and n is a multiple of 4.
bool fours(std::int64_t n, std::initializer_list<Tensor> tensors) {
  if (n % 4 != 0) return false;
  for (const Tensor& tensor : tensors) {
    if (reinterpret_cast<std::uintptr_t>(tensor.data) % static_cast<std::uintptr_t>(4 * bytes_of(tensor.dtype)) != 0) {
      return false;
    }
  }
  return true;
}

template <class W>
void update(const Exec& exec, const AdamwUpdate& a, W* weight) {
  const std::int64_t n = a.master.count();
  const auto run = [&]<int width>() {
    launch(adamw_packs<W, width>, {divide_up(n / width, kThreads), kThreads}, exec.stream, adamw_factors(a),
           a.master.as<float>(), a.m.as<float>(), a.v.as<float>(), a.grad.as<float>(), weight, n / width);
  };
  const bool packed = fours(n, {a.master, a.m, a.v, a.grad}) && (weight == nullptr || fours(n, {a.weight}));
  packed ? run.template operator()<4>() : run.template operator()<1>();
}

}  // namespace

void cast(const Exec& exec, const Tensor& out, const Tensor& in) {
  const std::int64_t n = out.count();
  visit_dtype(out.dtype, [&]<class To>() {
    visit_dtype(in.dtype, [&]<class From>() {
      if (fours(n, {out, in})) {
        launch(cast_packs<To, From, 4>, {divide_up(n / 4, kThreads), kThreads}, exec.stream, out.as<To>(),
               in.as<From>(), n / 4);
      } else {
        launch(cast_packs<To, From, 1>, {divide_up(n, kThreads), kThreads}, exec.stream, out.as<To>(), in.as<From>(),
               n);
      }
    });
  });
}

void add(const Exec& exec, const Tensor& y, const Tensor& x) {
  const std::int64_t n = y.count();
  visit_dtype(y.dtype, [&]<class Y>() {
    visit_dtype(x.dtype, [&]<class X>() {
      if (fours(n, {y, x})) {
        launch(add_packs<Y, X, 4>, {divide_up(n / 4, kThreads), kThreads}, exec.stream, y.as<Y>(), x.as<X>(), n / 4);
      } else {
        launch(add_packs<Y, X, 1>, {divide_up(n, kThreads), kThreads}, exec.stream, y.as<Y>(), x.as<X>(), n);
      }
    });
  });
}

void sum_of_squares(const Exec& exec, const Tensor& out, const Tensor& x, const Tensor& partial) {
  visit_dtype(x.dtype, [&]<class T>() {
    launch(sum_of_squares_block_per_chunk<T>, {partial.count(), kThreads}, exec.stream, partial.as<double>(), x.as<T>(),
           x.count());
  });
  launch(sum_in_one_block, {1, kThreads}, exec.stream, out.as<double>(), partial.as<double>(), partial.count());
}

void adamw_update(const Exec& exec, const AdamwUpdate& a) {
  if (!a.weight.defined() || a.weight.data == a.master.data) return update<float>(exec, a, nullptr);
  visit_dtype(a.weight.dtype, [&]<class W>() { update(exec, a, a.weight.as<W>()); });
}

}  // namespace phalanx::ops::cuda
