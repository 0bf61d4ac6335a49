// Rotary positions on the CPU: a table of cosines and sines for every position, then threads share the rows.
#include <immintrin.h>

#include <cmath>

#include "model/ops/cpu/level_ops.h"
#include "model/ops/rope_scratch.h"

// After everything else: compiled for the level.
#include "model/ops/cpu/level_begin.h"

#include "model/ops/cpu/rows.h"
#include "model/ops/cpu/vector.h"

namespace phalanx::ops::PHALANX_CPU_LEVEL {
namespace {

// Positions come from input: one beyond the table must not become a wild read.
void check_positions(const Rope& a) {
  const std::int32_t* p = a.positions.as<std::int32_t>();
  for (std::int64_t n = 0; n < a.positions.count(); ++n) {
    ENSURE(p[n] >= 0 && p[n] < a.longest, "rope: position ", p[n], " of token ", n, " is outside the ", a.longest,
           " positions (model.context)");
  }
}

void fill_table(const Tensor& table, const Rope& a) {
  const std::int64_t half = table.size(2);
  const float sign = a.turn == Turn::forward ? 1.0F : -1.0F;
#pragma omp parallel for schedule(static)
  for (std::int64_t p = 0; p < table.size(0); ++p) {
    float* cosines = table.as<float>() + p * 2 * half;
    float* sines = cosines + half;
    for (std::int64_t i = 0; i < half; ++i) {
      const double exponent = static_cast<double>(i) / static_cast<double>(half);
      const auto frequency = static_cast<float>(std::pow(double{a.theta}, -exponent));
      const double angle = static_cast<float>(p) * frequency;
      cosines[i] = static_cast<float>(std::cos(angle));
      sines[i] = sign * static_cast<float>(std::sin(angle));
    }
  }
}

template <class T>
void turn_head(T* x, const float* cosines, const float* sines, std::int64_t half) {
  for_lanes(half, [&](std::int64_t i, auto lanes) {
    const VecF low = load(x + i, lanes);
    const VecF high = load(x + half + i, lanes);
    const VecF c = load(cosines + i, lanes);
    const VecF s = load(sines + i, lanes);
    store(x + i, low * c - high * s, lanes);
    store(x + half + i, high * c + low * s, lanes);
  });
}

template <class T>
void turn_rows(const Rope& a, const Tensor& table) {
  const std::int64_t heads = 2 * a.qkv.size(2);  // of queries and keys
  const std::int64_t HS = a.qkv.size(3);
  const std::int64_t half = HS / 2;
  const std::int32_t* positions = a.positions.as<std::int32_t>();
#pragma omp parallel for schedule(static)
  for (std::int64_t n = 0; n < a.qkv.size(0); ++n) {
    T* row = a.qkv.as<T>() + n * 3 * a.qkv.size(2) * HS;
    const float* cosines = table.as<float>() + positions[n] * 2 * half;
    for (std::int64_t h = 0; h < heads; ++h) turn_head(row + h * HS, cosines, cosines + half, half);
  }
}

}  // namespace

void rope(const Exec& exec, const Rope& a) {
  check_positions(a);
  Scratch scratch(*exec.workspace);
  const Tensor table = take_rope_table(scratch, a);
  fill_table(table, a);
  visit_dtype(a.qkv.dtype, [&]<class T>() { turn_rows<T>(a, table); });
}

}  // namespace phalanx::ops::PHALANX_CPU_LEVEL

#include "model/ops/cpu/level_end.h"
