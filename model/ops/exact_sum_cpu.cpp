// Exact sums on the CPU: each square is cut into a multiple of 2^-40 and one of 2^-80 by adding and subtracting a large
// number; the sums of a chunk of such multiples are exact in fp64. Bound by memory.
#include <algorithm>
#include <bit>
#include <cmath>

#include "model/ops/cpu/level_ops.h"
#include "model/ops/exact_sum.h"

#include "model/ops/cpu/level_begin.h"

namespace phalanx::ops::PHALANX_CPU_LEVEL {
namespace {

constexpr std::int64_t kChunk = 4096;  // terms below 1 in multiples of 2^-40: sums below 2^53 such multiples
constexpr int kLanes = 32;

struct Parts {
  double coarse = 0, fine = 0;
};

Parts sum_of_chunk(const float* x, std::int64_t n, double scale) {
  constexpr double kCoarse = 0x1.8p12;  // its last bit is 2^-40
  constexpr double kFine = 0x1.8p-28;   // its last bit is 2^-80
  double coarse[kLanes] = {};
  double fine[kLanes] = {};
  const auto add = [&](int lane, float value) {
    const double y = static_cast<double>(value) * scale;
    const double square = y * y;
    const double q = (square + kCoarse) - kCoarse;
    const double rest = square - q;
    coarse[lane] += q;
    fine[lane] += (rest + kFine) - kFine;
  };
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) add(lane, x[i + lane]);
  }
  for (int lane = 0; i + lane < n; ++lane) add(lane, x[i + lane]);
  Parts sum;
  for (int lane = 0; lane < kLanes; ++lane) {
    sum.coarse += coarse[lane];
    sum.fine += fine[lane];
  }
  return sum;
}

}  // namespace

void largest_magnitude(const Exec& /*exec*/, const Tensor& out, const Tensor& x) {
  const auto* bits = reinterpret_cast<const std::int32_t*>(x.data);
  const std::int64_t n = x.count();
  std::int32_t largest = 0;
#pragma omp parallel for schedule(static) reduction(max : largest)
  for (std::int64_t i = 0; i < n; ++i) largest = std::max(largest, bits[i] & 0x7FFFFFFF);
  *out.as<std::int64_t>() = largest;
}

void exact_sum_of_squares(const Exec& /*exec*/, const Tensor& out, const Tensor& x, int exponent) {
  const auto* data = x.as<float>();
  const std::int64_t n = x.count();
  const double scale = std::ldexp(1.0, -exponent);
  constexpr std::int64_t kLow = (std::int64_t{1} << 26) - 1;
  std::int64_t a = 0;
  std::int64_t b = 0;
  std::int64_t c = 0;
  std::int64_t d = 0;
#pragma omp parallel for schedule(static) reduction(+ : a, b, c, d)
  for (std::int64_t begin = 0; begin < n; begin += kChunk) {
    const Parts parts = sum_of_chunk(data + begin, std::min(kChunk, n - begin), scale);
    const auto coarse = static_cast<std::int64_t>(parts.coarse * 0x1p40);
    const auto fine = static_cast<std::int64_t>(parts.fine * 0x1p80);
    a += coarse >> 26;
    b += coarse & kLow;
    c += fine >> 26;
    d += fine & kLow;
  }
  auto* limbs = out.as<std::int64_t>();
  limbs[0] = a;
  limbs[1] = b;
  limbs[2] = c;
  limbs[3] = d;
}

}  // namespace phalanx::ops::PHALANX_CPU_LEVEL

#include "model/ops/cpu/level_end.h"
