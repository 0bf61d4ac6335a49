// Normal variates: the only random numbers that need more than a comparison or a product.
#include "core/random.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace phalanx {
namespace {

// Natural logarithm of x in (0, 1]: x = m * 2^e with m in [sqrt(1/2), sqrt(2)), log m by its odd series in
// s = (m - 1) / (m + 1), |s| < 0.172, cut after s^9 (relative error < 1e-8).
[[gnu::always_inline]] inline float log_unit(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t shifted = bits - 0x3F3504F3U;
  const auto exponent = static_cast<std::int32_t>(shifted) >> 23;
  const float m = std::bit_cast<float>((shifted & 0x007FFFFFU) + 0x3F3504F3U);
  const float s = (m - 1.0F) / (m + 1.0F);
  const float z = s * s;
  const float series = 2.0F + z * (0.66666667F + z * (0.4F + z * (0.28571429F + z * 0.22222222F)));
  return static_cast<float>(exponent) * 0.69314718F + s * series;
}

// cos and sin of 2 pi v for v in [0, 1): reduced to an eighth turn, Taylor polynomials there (error < 1e-7).
struct CosSin {
  float cos, sin;
};
[[gnu::always_inline]] inline CosSin cos_sin_turns(float v) {
  const auto octant = static_cast<int>(v * 4.0F + 0.5F);                  // 0..4: nearest quarter turn
  const float r = (v - static_cast<float>(octant) * 0.25F) * 6.2831853F;  // [-pi/4, pi/4]
  const float z = r * r;
  const float c = 1.0F - z * (0.5F - z * (0.041666667F - z * (0.0013888889F - z * 2.4801587e-5F)));
  const float s = r * (1.0F - z * (0.16666667F - z * (0.0083333333F - z * 1.9841270e-4F)));
  const bool swap = (octant & 1) != 0;
  const float cos_sign = (octant == 1 || octant == 2) ? -1.0F : 1.0F;
  const float sin_sign = (octant == 2 || octant == 3) ? -1.0F : 1.0F;
  return {cos_sign * (swap ? s : c), sin_sign * (swap ? c : s)};
}

constexpr std::size_t kGroup = 64;  // blocks made together, so that the compiler can use whole registers

// The 4 * kGroup normals of the blocks from `first_block` on. Lane by lane of the blocks: bits, radii and angles are
// loops without branches. (The file is compiled without fused operations, so every clone gives the same bits.)
[[gnu::target_clones("arch=x86-64-v4", "avx2", "default")]] void normals_of_group(const RandomKey& key,
                                                                                  std::uint64_t first_block, float std,
                                                                                  float* __restrict out) {
  std::uint32_t bits[4][kGroup];
  for (std::size_t b = 0; b < kGroup; ++b) {
    const Random4 r = random_block(key, first_block + b);
    for (std::size_t lane = 0; lane < 4; ++lane) bits[lane][b] = r[lane];
  }
  for (std::size_t pair = 0; pair < 2; ++pair) {
    for (std::size_t b = 0; b < kGroup; ++b) {
      const auto high_bits = static_cast<std::int32_t>(bits[2 * pair][b] >> 8);  // signed: converts in one instruction
      const float u = (static_cast<float>(high_bits) + 1.0F) * 0x1.0p-24F;       // (0, 1]
      const float radius = std * std::sqrt(-2.0F * log_unit(u));
      const CosSin angle = cos_sin_turns(uniform_from_bits(bits[2 * pair + 1][b]));
      out[4 * b + 2 * pair] = radius * angle.cos;
      out[4 * b + 2 * pair + 1] = radius * angle.sin;
    }
  }
}

}  // namespace

void fill_normal(const RandomKey& key, std::uint64_t first, std::int64_t count, float std, float* out) {
  constexpr std::uint64_t kElements = 4 * kGroup;
  const std::uint64_t last = first + static_cast<std::uint64_t>(count);
  const auto first_group = static_cast<std::int64_t>(first / kElements);
  const auto end_group = static_cast<std::int64_t>((last + kElements - 1) / kElements);
#pragma omp parallel for schedule(static) if (count > 65536)
  for (std::int64_t group = first_group; group < end_group; ++group) {
    const std::uint64_t begin = static_cast<std::uint64_t>(group) * kElements;
    const std::uint64_t from = std::max(begin, first);
    const std::uint64_t to = std::min(begin + kElements, last);
    float values[kElements];
    normals_of_group(key, begin / 4, std, values);
    std::copy(values + (from - begin), values + (to - begin), out + (from - first));
  }
}

}  // namespace phalanx
