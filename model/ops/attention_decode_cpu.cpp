// Generation on the CPU: attention of one new token, bounded by reading the caches once, and filling the caches with
// many positions. Threads share the heads.
#include <immintrin.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "model/ops/attention_scratch.h"
#include "model/ops/cpu/level_ops.h"

// After everything else: compiled for the level.
#include "model/ops/cpu/level_begin.h"

#include "model/ops/cpu/rows.h"
#include "model/ops/cpu/vector_math.h"

namespace phalanx::ops::PHALANX_CPU_LEVEL {
namespace {

// scores[j] = q . k[j] * scale; returns the largest.
template <class T>
float score_keys(float* scores, const T* q, const T* k, std::int64_t length, std::int64_t HS, float scale) {
  float largest = -std::numeric_limits<float>::infinity();
  for (std::int64_t j = 0; j < length; ++j) {
    const float product =
        sum_lanes(HS, [&](std::int64_t d, auto lanes) { return load(q + d, lanes) * load(k + j * HS + d, lanes); });
    scores[j] = product * scale;
    largest = std::max(largest, scores[j]);
  }
  return largest;
}

// out = sum over j of weights[j] v[j] / total, a register of channels at a time.
template <class T>
void blend_values(T* out, const float* weights, const T* v, std::int64_t length, std::int64_t HS, float total) {
  const VecF inverse = set(1.0F / total);
  for_lanes(HS, [&](std::int64_t d, auto lanes) {
    VecF blended = set(0.0F);
    for (std::int64_t j = 0; j < length; ++j) blended = fma(set(weights[j]), load(v + j * HS + d, lanes), blended);
    store(out + d, blended * inverse, lanes);
  });
}

template <class T>
void decode_head(const AttentionDecode& a, std::int64_t b, std::int64_t h, float* scores) {
  const std::int64_t NH = a.qkv.size(2);
  const std::int64_t HS = a.qkv.size(3);
  const std::int64_t T_max = a.k_cache.size(2);
  const T* q = a.qkv.as<T>() + (b * 3 * NH + h) * HS;
  T* k = a.k_cache.as<T>() + (b * NH + h) * T_max * HS;
  T* v = a.v_cache.as<T>() + (b * NH + h) * T_max * HS;
  std::copy_n(q + NH * HS, HS, k + (a.length - 1) * HS);
  std::copy_n(q + 2 * NH * HS, HS, v + (a.length - 1) * HS);
  const float largest = score_keys(scores, q, k, a.length, HS, 1.0F / std::sqrt(static_cast<float>(HS)));
  const float total = sum_lanes(a.length, [&](std::int64_t j, auto lanes) {
    const VecF e = exp(load(scores + j, lanes) - set(largest));
    store(scores + j, e, lanes);
    return e;
  });
  blend_values(a.out.as<T>() + (b * NH + h) * HS, scores, v, a.length, HS, total);
}

}  // namespace

void attention_decode(const Exec& exec, const AttentionDecode& a) {
  const std::int64_t NH = a.qkv.size(2);
  const std::int64_t T_max = a.k_cache.size(2);
  Scratch scratch(*exec.workspace);
  const Tensor scores = take_decode_scores(scratch, omp_get_max_threads(), T_max);
  visit_dtype(a.qkv.dtype, [&]<class T>() {
#pragma omp parallel for schedule(static)
    for (std::int64_t task = 0; task < a.qkv.size(0) * NH; ++task) {
      decode_head<T>(a, task / NH, task % NH, scores.as<float>() + omp_get_thread_num() * T_max);
    }
  });
}

void attention_fill_cache(const Exec& /*exec*/, const AttentionFillCache& a) {
  const std::int64_t T = a.qkv.size(1);
  const std::int64_t NH = a.qkv.size(3);
  const std::int64_t HS = a.qkv.size(4);
  const std::int64_t T_max = a.k_cache.size(2);
  visit_dtype(a.qkv.dtype, [&]<class E>() {
#pragma omp parallel for schedule(static)
    for (std::int64_t task = 0; task < a.qkv.size(0) * NH; ++task) {
      const E* from = a.qkv.as<E>() + (task / NH * T * 3 * NH + task % NH) * HS;
      for (std::int64_t t = 0; t < T; ++t) {
        const std::int64_t to = (task * T_max + t) * HS;
        std::copy_n(from + (3 * t + 1) * NH * HS, HS, a.k_cache.as<E>() + to);
        std::copy_n(from + (3 * t + 2) * NH * HS, HS, a.v_cache.as<E>() + to);
      }
    }
  });
}

}  // namespace phalanx::ops::PHALANX_CPU_LEVEL

#include "model/ops/cpu/level_end.h"
