// Cross entropy on the CPU: threads share the rows. A row of logits is far larger than the first-level cache, so its
// statistics are made in one pass over chunks that are not: the sum is rescaled where a chunk raises the maximum.
#include <immintrin.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "model/ops/cpu/level_ops.h"

// After everything else: compiled for the level.
#include "model/ops/cpu/level_begin.h"

#include "model/ops/cpu/rows.h"
#include "model/ops/cpu/vector.h"
#include "model/ops/cpu/vector_math.h"

namespace phalanx::ops::PHALANX_CPU_LEVEL {
namespace {

constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();
constexpr std::int64_t kChunk = 2048;  // columns

struct RowStats {
  float max = kMinusInfinity;
  float sum = 0.0F;  // of exp(z - max)
};

template <class T>
float max_of(const T* z, std::int64_t count) {
  VecF largest[4] = {set(kMinusInfinity), set(kMinusInfinity), set(kMinusInfinity), set(kMinusInfinity)};
  std::int64_t v = 0;
  for (; v + 4 * kLanes <= count; v += 4 * kLanes) {
    for (int k = 0; k < 4; ++k) largest[k] = max(largest[k], load(z + v + k * kLanes));
  }
  for (; v + kLanes <= count; v += kLanes) largest[0] = max(largest[0], load(z + v));
  float result = max_lane(max(max(largest[0], largest[1]), max(largest[2], largest[3])));
  for (; v < count; ++v) result = std::max(result, static_cast<float>(z[v]));
  return result;
}

// A logit that is NaN or +inf makes the sum NaN, so that the loss shows it.
template <class T>
void add_chunk(RowStats& row, const T* z, std::int64_t count) {
  const float largest = std::max(row.max, max_of(z, count));
  const VecF largest_lanes = set(largest == kMinusInfinity ? 0.0F : largest);
  const float sum =
      sum_lanes(count, [&](std::int64_t v, auto lanes) { return exp(load(z + v, lanes) - largest_lanes); });
  row.sum = (row.sum > 0.0F ? row.sum * std::exp(row.max - largest) : row.sum) + sum;
  row.max = largest;
}

template <class T>
void stats_of_rows(const CrossEntropyStats& a) {
  const std::int64_t V = a.logits.size(1);
  const std::int32_t* targets = a.targets.as<std::int32_t>();
#pragma omp parallel for schedule(static)
  for (std::int64_t n = 0; n < a.logits.size(0); ++n) {
    const T* z = a.logits.as<T>() + n * V;
    RowStats row;
    for (std::int64_t v = 0; v < a.valid; v += kChunk) add_chunk(row, z + v, std::min(kChunk, a.valid - v));
    const std::int64_t target = targets[n] - a.vocabulary_begin;
    float* stats = a.stats.as<float>() + 3 * n;
    stats[0] = row.max;
    stats[1] = row.sum;
    stats[2] = targets[n] >= 0 && target >= 0 && target < a.valid ? static_cast<float>(z[target]) : kMinusInfinity;
  }
}

// log of the sum over all parts; the target's logit lies in exactly one of them.
struct Combined {
  float lse;
  float target;
  float largest;
};
Combined combine_row(const float* stats, std::int64_t S, std::int64_t N) {
  float largest = kMinusInfinity;
  float target = kMinusInfinity;
  for (std::int64_t s = 0; s < S; ++s) {
    largest = std::max(largest, stats[3 * N * s]);
    target = std::max(target, stats[3 * N * s + 2]);
  }
  double sum = 0.0;
  for (std::int64_t s = 0; s < S; ++s) {
    const float* part = stats + 3 * N * s;
    const double weight = part[0] == kMinusInfinity ? 1.0 : std::exp(double{part[0]} - double{largest});
    sum += double{part[1]} * weight;
  }
  return {static_cast<float>(double{largest} + std::log(sum)), target, largest};
}

template <class T>
void gradient_of_row(T* z, std::int64_t valid, std::int64_t V, float lse, std::int64_t target, float scale) {
  const VecF lse_lanes = set(lse);
  const VecF scale_lanes = set(scale);
  const float target_logit = target >= 0 && target < valid ? static_cast<float>(z[target]) : 0.0F;
  for_lanes(valid, [&](std::int64_t v, auto lanes) {
    store(z + v, exp(load(z + v, lanes) - lse_lanes) * scale_lanes, lanes);
  });
  std::fill(z + valid, z + V, T{});
  if (target >= 0 && target < valid) {
    z[target] = static_cast<T>(static_cast<float>(std::expm1(double{target_logit} - double{lse})) * scale);
  }
}

}  // namespace

void cross_entropy_stats(const Exec&, const CrossEntropyStats& a) {
  visit_dtype(a.logits.dtype, [&]<class T>() { stats_of_rows<T>(a); });
}

void cross_entropy_combine(const Exec&, const CrossEntropyCombine& a) {
  const std::int64_t S = a.stats.size(0);
  const std::int64_t N = a.stats.size(1);
  const std::int32_t* targets = a.targets.as<std::int32_t>();
  float* losses = a.losses.as<float>();
  std::int64_t correct = 0;
#pragma omp parallel for schedule(static) reduction(+ : correct)
  for (std::int64_t n = 0; n < N; ++n) {
    const Combined row = combine_row(a.stats.as<float>() + 3 * n, S, N);
    a.lse.as<float>()[n] = row.lse;
    losses[n] = targets[n] < 0 ? 0.0F : row.lse - row.target;
    correct += targets[n] >= 0 && row.target >= row.largest ? 1 : 0;
  }
  if (a.correct.defined()) *a.correct.as<double>() += static_cast<double>(correct);
  double& total = *a.loss_sum.as<double>();
  for (std::int64_t n = 0; n < N; ++n) total += double{losses[n]};
}

void cross_entropy_backward(const Exec&, const CrossEntropyBackward& a) {
  visit_dtype(a.logits.dtype, [&]<class T>() {
    const std::int64_t V = a.logits.size(1);
    const std::int32_t* targets = a.targets.as<std::int32_t>();
#pragma omp parallel for schedule(static)
    for (std::int64_t n = 0; n < a.logits.size(0); ++n) {
      T* z = a.logits.as<T>() + n * V;
      if (targets[n] < 0) {
        std::fill_n(z, V, T{});
      } else {
        gradient_of_row(z, a.valid, V, a.lse.as<float>()[n], targets[n] - a.vocabulary_begin, a.scale);
      }
    }
  });
}

}  // namespace phalanx::ops::PHALANX_CPU_LEVEL

#include "model/ops/cpu/level_end.h"
