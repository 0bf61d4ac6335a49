// Flat ops, bounded by memory: one pass, contiguous blocks per thread. Every element, and every chunk of a sum, is
// computed alike whichever thread does it, so the bits do not depend on the number of threads.
#include <algorithm>
#include <cmath>

#include "model/ops/adamw_factors.h"
#include "model/ops/cpu/level_ops.h"

#include "model/ops/cpu/level_begin.h"

namespace phalanx::ops::PHALANX_CPU_LEVEL {
namespace {

constexpr std::int64_t kBlock = 16384;  // elements that a thread takes at a time
constexpr int kLanes = 32;              // running sums of a chunk; fixed, so that all levels add in one order

template <class To, class From>
void cast_range(To* __restrict out, const From* __restrict in, std::int64_t n) {
#pragma omp parallel for schedule(static)
  for (std::int64_t block = 0; block < n; block += kBlock) {
    const std::int64_t end = std::min(block + kBlock, n);
    for (std::int64_t i = block; i < end; ++i) out[i] = static_cast<To>(static_cast<float>(in[i]));
  }
}

template <class Y, class X>
void add_range(Y* __restrict y, const X* __restrict x, std::int64_t n) {
#pragma omp parallel for schedule(static)
  for (std::int64_t block = 0; block < n; block += kBlock) {
    const std::int64_t end = std::min(block + kBlock, n);
    for (std::int64_t i = block; i < end; ++i)
      y[i] = static_cast<Y>(static_cast<float>(y[i]) + static_cast<float>(x[i]));
  }
}

// Sum of squares of up to kSquaresChunk elements: kLanes interleaved running sums, then a tree over them.
template <class T>
double sum_of_chunk(const T* x, std::int64_t n) {
  double sums[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) {
      const auto value = static_cast<double>(static_cast<float>(x[i + lane]));
      sums[lane] += value * value;
    }
  }
  for (int lane = 0; i + lane < n; ++lane) {
    const auto value = static_cast<double>(static_cast<float>(x[i + lane]));
    sums[lane] += value * value;
  }
  for (int width = kLanes / 2; width > 0; width /= 2) {
    for (int lane = 0; lane < width; ++lane) sums[lane] += sums[lane + width];
  }
  return sums[0];
}

// Pairwise in place: the tree depends on n alone.
double sum_of_tree(double* x, std::int64_t n) {
  for (; n > 1; n = (n + 1) / 2) {
    for (std::int64_t i = 0; i < n / 2; ++i) x[i] = x[2 * i] + x[2 * i + 1];
    if (n % 2 == 1) x[n / 2] = x[n - 1];
  }
  return n == 1 ? x[0] : 0.0;
}

// Cost: 28 bytes per element (30 with a bf16 weight), one square root, one division: bound by memory.
template <class W>
void adamw_block(const AdamwFactors& f, float* __restrict w, float* __restrict m, float* __restrict v,
                 const float* __restrict grad, W* __restrict weight, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    const float g = grad[i] * f.grad_scale;
    const float new_m = f.beta1 * m[i] + f.one_minus_beta1 * g;
    const float new_v = f.beta2 * v[i] + f.one_minus_beta2 * (g * g);
    const float new_w = w[i] * f.decay - f.step_size * new_m / (std::sqrt(new_v * f.v_correction) + f.epsilon);
    m[i] = new_m;
    v[i] = new_v;
    w[i] = new_w;
    if (weight != nullptr) weight[i] = static_cast<W>(new_w);
  }
}

template <class W>
void adamw_range(const AdamwUpdate& a, W* weight) {
  const AdamwFactors f = adamw_factors(a);
  auto* w = a.master.as<float>();
  auto* m = a.m.as<float>();
  auto* v = a.v.as<float>();
  const auto* grad = a.grad.as<float>();
  const std::int64_t n = a.master.count();
#pragma omp parallel for schedule(static)
  for (std::int64_t block = 0; block < n; block += kBlock) {
    const std::int64_t count = std::min(kBlock, n - block);
    if (weight == nullptr) {
      adamw_block<W>(f, w + block, m + block, v + block, grad + block, nullptr, count);
    } else {
      adamw_block(f, w + block, m + block, v + block, grad + block, weight + block, count);
    }
  }
}

}  // namespace

void cast(const Exec& /*exec*/, const Tensor& out, const Tensor& in) {
  visit_dtype(out.dtype, [&]<class To>() {
    visit_dtype(in.dtype, [&]<class From>() { cast_range(out.as<To>(), in.as<From>(), out.count()); });
  });
}

void add(const Exec& /*exec*/, const Tensor& y, const Tensor& x) {
  visit_dtype(y.dtype,
              [&]<class Y>() { visit_dtype(x.dtype, [&]<class X>() { add_range(y.as<Y>(), x.as<X>(), y.count()); }); });
}

void sum_of_squares(const Exec& /*exec*/, const Tensor& out, const Tensor& x, const Tensor& partial) {
  auto* sums = partial.as<double>();
  const std::int64_t n = x.count();
  const std::int64_t chunks = partial.count();
  visit_dtype(x.dtype, [&]<class T>() {
    const T* data = x.as<T>();
#pragma omp parallel for schedule(static)
    for (std::int64_t c = 0; c < chunks; ++c) {
      sums[c] = sum_of_chunk(data + c * kSquaresChunk, std::min(kSquaresChunk, n - c * kSquaresChunk));
    }
  });
  *out.as<double>() = sum_of_tree(sums, chunks);
}

void adamw_update(const Exec& /*exec*/, const AdamwUpdate& a) {
  if (!a.weight.defined() || a.weight.data == a.master.data) {
    adamw_range<float>(a, nullptr);
    return;
  }
  visit_dtype(a.weight.dtype, [&]<class W>() { adamw_range(a, a.weight.as<W>()); });
}

}  // namespace phalanx::ops::PHALANX_CPU_LEVEL

#include "model/ops/cpu/level_end.h"
