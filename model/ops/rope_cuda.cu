// Rotary positions on the GPU: a table of cosines and sines for every position, then the rows.
#include <cmath>

#include "model/ops/cuda/cuda_ops.h"
#include "model/ops/cuda/launch.cuh"
#include "model/ops/cuda/pack.cuh"
#include "model/ops/rope_scratch.h"

namespace phalanx::ops::cuda {
namespace {

constexpr int kThreads = 256;

// table (longest, 2, half): a thread per angle, in fp64 as on the CPU.
__global__ void fill_rope_table(float* table, double theta, float sign, std::int64_t longest, std::int64_t half) {
  const std::int64_t k = thread_index();
  if (k >= longest * half) return;
  const std::int64_t position = k / half;
  const std::int64_t i = k % half;
  const auto frequency = static_cast<float>(pow(theta, -(static_cast<double>(i) / static_cast<double>(half))));
  const double angle = static_cast<float>(position) * frequency;
  table[position * 2 * half + i] = static_cast<float>(cos(angle));
  table[position * 2 * half + half + i] = sign * static_cast<float>(sin(angle));
}

// A thread turns one pair of channels of one head of the queries or keys. 8 bytes per pair of bf16, angles from L2. A
// position outside the table leaves its row as it is.
template <class T>
__global__ void rope_pairs(T* qkv, const float* table, const std::int32_t* positions, std::int64_t N,
                           std::int64_t heads, std::int64_t half, std::int64_t longest) {
  const std::int64_t k = thread_index();  // (n, head of q or k, channel)
  if (k >= N * heads * half) return;
  const std::int64_t i = k % half;
  const std::int64_t h = k / half % heads;
  const std::int64_t n = k / half / heads;
  const std::int64_t position = positions[n];
  if (position < 0 || position >= longest) return;
  T* x = qkv + (n * heads / 2 * 3 + h) * 2 * half;
  const float c = table[position * 2 * half + i];
  const float s = table[position * 2 * half + half + i];
  const float low = to_float(x[i]);
  const float high = to_float(x[half + i]);
  x[i] = from_float<T>(low * c - high * s);
  x[half + i] = from_float<T>(high * c + low * s);
}

}  // namespace

void rope(const Exec& exec, const Rope& a) {
  const std::int64_t N = a.qkv.size(0);
  const std::int64_t heads = 2 * a.qkv.size(2);
  const std::int64_t half = a.qkv.size(3) / 2;
  Scratch scratch(*exec.workspace);
  const Tensor table = take_rope_table(scratch, a);
  launch(fill_rope_table, {divide_up(a.longest * half, kThreads), kThreads}, exec.stream, table.as<float>(),
         double{a.theta}, a.turn == Turn::forward ? 1.0F : -1.0F, a.longest, half);
  visit_dtype(a.qkv.dtype, [&]<class T>() {
    launch(rope_pairs<T>, {divide_up(N * heads * half, kThreads), kThreads}, exec.stream, a.qkv.as<T>(),
           table.as<float>(), a.positions.as<std::int32_t>(), N, heads, half, a.longest);
  });
}

}  // namespace phalanx::ops::cuda
