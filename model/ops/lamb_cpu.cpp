// LAMB on the CPU, bound by memory: one pass per function, every element computed alike whichever thread does it.
#include <algorithm>
#include <cmath>

#include "model/ops/cpu/level_ops.h"
#include "model/ops/lamb_factors.h"

#include "model/ops/cpu/level_begin.h"

namespace phalanx::ops::PHALANX_CPU_LEVEL {
namespace {

constexpr std::int64_t kBlock = 16384;  // elements that a thread takes at a time

// Cost: 28 bytes per element, one square root, one division.
void direction_block(const LambFactors& f, const float* __restrict w, float* __restrict m, float* __restrict v,
                     float* __restrict grad, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    const float g = grad[i] * f.grad_scale;
    const float new_m = f.beta1 * m[i] + f.one_minus_beta1 * g;
    const float new_v = f.beta2 * v[i] + f.one_minus_beta2 * (g * g);
    m[i] = new_m;
    v[i] = new_v;
    grad[i] = new_m * f.m_correction / (std::sqrt(new_v * f.v_correction) + f.epsilon) + f.decay * w[i];
  }
}

// Cost: 12 bytes per element, 14 with a bf16 weight.
template <class W>
void apply_block(float rate, float* __restrict w, const float* __restrict direction, W* __restrict weight,
                 std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    const float new_w = w[i] - rate * direction[i];
    w[i] = new_w;
    if (weight != nullptr) weight[i] = static_cast<W>(new_w);
  }
}

template <class W>
void apply_range(const LambApply& a, W* weight) {
  auto* w = a.master.as<float>();
  const auto* direction = a.direction.as<float>();
  const std::int64_t n = a.master.count();
#pragma omp parallel for schedule(static)
  for (std::int64_t block = 0; block < n; block += kBlock) {
    const std::int64_t count = std::min(kBlock, n - block);
    if (weight == nullptr) {
      apply_block<W>(a.rate, w + block, direction + block, nullptr, count);
    } else {
      apply_block(a.rate, w + block, direction + block, weight + block, count);
    }
  }
}

}  // namespace

void lamb_direction(const Exec& /*exec*/, const LambDirection& a) {
  const LambFactors f = lamb_factors(a);
  const auto* w = a.master.as<float>();
  auto* m = a.m.as<float>();
  auto* v = a.v.as<float>();
  auto* grad = a.grad.as<float>();
  const std::int64_t n = a.master.count();
#pragma omp parallel for schedule(static)
  for (std::int64_t block = 0; block < n; block += kBlock) {
    direction_block(f, w + block, m + block, v + block, grad + block, std::min(kBlock, n - block));
  }
}

void lamb_apply(const Exec& /*exec*/, const LambApply& a) {
  if (!a.weight.defined() || a.weight.data == a.master.data) return apply_range<float>(a, nullptr);
  visit_dtype(a.weight.dtype, [&]<class W>() { apply_range(a, a.weight.as<W>()); });
}

}  // namespace phalanx::ops::PHALANX_CPU_LEVEL

#include "model/ops/cpu/level_end.h"
