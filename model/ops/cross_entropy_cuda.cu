// Cross entropy on the GPU, in place. A block of threads per row.
#include "model/ops/cuda/cuda_ops.h"
#include "model/ops/cuda/pack.cuh"
#include "model/ops/cuda/reduce.cuh"

namespace phalanx::ops::cuda {
namespace {

constexpr int kThreads = 256;

__device__ inline float minus_infinity() { return __int_as_float(static_cast<int>(0xFF800000U)); }

// stats (N, 3) = max, sum of exp(z - max), z[target]: two passes over a row, the second from L2. A logit that is NaN or
// +inf makes the sum NaN, so that the loss shows it. 2 bytes per logit of bf16.
template <class T, int width>
__global__ void cross_entropy_stats_block_per_row(float* stats, const T* logits, const std::int32_t* targets,
                                                  std::int64_t V, std::int64_t begin, std::int64_t valid) {
  const std::int64_t n = blockIdx.x;
  const T* z = logits + n * V;
  float largest = minus_infinity();
  const std::int64_t whole = valid / width * width;
  for (std::int64_t v = threadIdx.x * width; v < whole; v += kThreads * width) {
    const Floats<width> values = load<width>(z + v);
    for (int i = 0; i < width; ++i) largest = fmaxf(largest, values[i]);
  }
  for (std::int64_t v = whole + threadIdx.x; v < valid; v += kThreads) largest = fmaxf(largest, to_float(z[v]));
  largest = block_reduce(largest, Max{});
  const float shift = largest == minus_infinity() ? 0.0F : largest;
  float sum = 0.0F;
  for (std::int64_t v = threadIdx.x * width; v < whole; v += kThreads * width) {
    const Floats<width> values = load<width>(z + v);
    for (int i = 0; i < width; ++i) sum += expf(values[i] - shift);
  }
  for (std::int64_t v = whole + threadIdx.x; v < valid; v += kThreads) sum += expf(to_float(z[v]) - shift);
  sum = block_reduce(sum, Add{});
  if (threadIdx.x != 0) return;
  const std::int64_t target = targets[n] - begin;
  stats[3 * n] = largest;
  stats[3 * n + 1] = sum;
  stats[3 * n + 2] = targets[n] >= 0 && target >= 0 && target < valid ? to_float(z[target]) : minus_infinity();
}

// Of row n over all parts: the largest logit and the target's.
struct Extremes {
  float largest, target;
};
__device__ inline Extremes extremes_of(const float* stats, std::int64_t S, std::int64_t N, std::int64_t n) {
  Extremes row{minus_infinity(), minus_infinity()};
  for (std::int64_t s = 0; s < S; ++s) {
    row.largest = fmaxf(row.largest, stats[3 * (N * s + n)]);
    row.target = fmaxf(row.target, stats[3 * (N * s + n) + 2]);
  }
  return row;
}

// lse and loss of each row from the parts (S, N, 3); a thread per row, parts in shard order, in fp64.
__global__ void cross_entropy_combine_rows(float* lse, float* losses, const float* stats, const std::int32_t* targets,
                                           std::int64_t S, std::int64_t N) {
  const std::int64_t n = thread_index();
  if (n >= N) return;
  const auto [largest, target] = extremes_of(stats, S, N, n);
  double sum = 0.0;
  for (std::int64_t s = 0; s < S; ++s) {
    const float* part = stats + 3 * (N * s + n);
    sum += double{part[1]} * (part[0] == minus_infinity() ? 1.0 : exp(double{part[0]} - double{largest}));
  }
  lse[n] = static_cast<float>(double{largest} + log(sum));
  losses[n] = targets[n] < 0 ? 0.0F : lse[n] - target;
}

// total += losses (N) in fp64: one block; thread t takes every kThreads-th row in order, then a tree.
__global__ void sum_losses(double* total, const float* losses, std::int64_t N) {
  double sum = 0.0;
  for (std::int64_t n = threadIdx.x; n < N; n += kThreads) sum += double{losses[n]};
  sum = block_reduce(sum, Add{});
  if (threadIdx.x == 0) *total += sum;
}

// total += rows whose target has the largest logit: one block.
__global__ void count_correct(double* total, const float* stats, const std::int32_t* targets, std::int64_t S,
                              std::int64_t N) {
  double count = 0.0;
  for (std::int64_t n = threadIdx.x; n < N; n += kThreads) {
    const Extremes row = extremes_of(stats, S, N, n);
    count += targets[n] >= 0 && row.target >= row.largest ? 1.0 : 0.0;
  }
  count = block_reduce(count, Add{});
  if (threadIdx.x == 0) *total += count;
}

// z <- (softmax(z) - [v == target]) scale, zeros beyond `valid` and in ignored rows. 4 bytes per logit of bf16.
template <class T, int width>
__global__ void cross_entropy_backward_block_per_row(T* logits, const float* lse, const std::int32_t* targets,
                                                     std::int64_t V, std::int64_t begin, std::int64_t valid,
                                                     float scale) {
  const std::int64_t n = blockIdx.x;
  T* z = logits + n * V;
  const std::int64_t target = targets[n] - begin;
  const float row_lse = lse[n];
  const bool ignored = targets[n] < 0;
  for (std::int64_t v = threadIdx.x * width; v < V; v += kThreads * width) {
    Floats<width> values = load<width>(z + v);
    for (int i = 0; i < width; ++i) {
      const float difference = values[i] - row_lse;
      const float gradient = v + i == target ? expm1f(difference) : expf(difference);
      values[i] = ignored || v + i >= valid ? 0.0F : gradient * scale;
    }
    store(z + v, values);
  }
}

}  // namespace

void cross_entropy_stats(const Exec& exec, const CrossEntropyStats& a) {
  const std::int64_t V = a.logits.size(1);
  visit_packed(a.logits.dtype, V, {a.logits}, [&]<class T, int width>() {
    launch(cross_entropy_stats_block_per_row<T, width>, {a.logits.size(0), kThreads}, exec.stream, a.stats.as<float>(),
           a.logits.as<T>(), a.targets.as<std::int32_t>(), V, a.vocabulary_begin, a.valid);
  });
}

void cross_entropy_combine(const Exec& exec, const CrossEntropyCombine& a) {
  const std::int64_t N = a.stats.size(1);
  launch(cross_entropy_combine_rows, {divide_up(N, 128), 128}, exec.stream, a.lse.as<float>(), a.losses.as<float>(),
         a.stats.as<float>(), a.targets.as<std::int32_t>(), a.stats.size(0), N);
  launch(sum_losses, {1, kThreads}, exec.stream, a.loss_sum.as<double>(), a.losses.as<float>(), N);
  if (!a.correct.defined()) return;
  launch(count_correct, {1, kThreads}, exec.stream, a.correct.as<double>(), a.stats.as<float>(),
         a.targets.as<std::int32_t>(), a.stats.size(0), N);
}

void cross_entropy_backward(const Exec& exec, const CrossEntropyBackward& a) {
  const std::int64_t V = a.logits.size(1);
  visit_packed(a.logits.dtype, V, {a.logits}, [&]<class T, int width>() {
    launch(cross_entropy_backward_block_per_row<T, width>, {a.logits.size(0), kThreads}, exec.stream, a.logits.as<T>(),
           a.lse.as<float>(), a.targets.as<std::int32_t>(), V, a.vocabulary_begin, a.valid, a.scale);
  });
}

}  // namespace phalanx::ops::cuda
