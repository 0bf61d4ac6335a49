// Normal variates: the only random numbers that need more than a comparison or a product.
#include "core/random.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace phalanx {
namespace {

// Natural logarithm of x in (0, 1]: x = m * 2^e with m in [sqrt(1/2), sqrt(2)), log m by its odd series in
// s = (m - 1) / (m + 1), |s| < 0.172, cut after s^9 (relative error < 1e-8).
float log_unit(float x) {
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
CosSin cos_sin_turns(float v) {
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

void normals_of_block(const RandomKey& key, std::uint64_t block, float std, float* out) {
  const Random4 r = random_block(key, block);
  for (std::size_t pair = 0; pair < 2; ++pair) {
    const float u = (static_cast<float>(r[2 * pair] >> 8) + 1.0F) * 0x1.0p-24F;  // (0, 1]
    const float radius = std * std::sqrt(-2.0F * log_unit(u));
    const CosSin angle = cos_sin_turns(uniform_from_bits(r[2 * pair + 1]));
    out[2 * pair] = radius * angle.cos;
    out[2 * pair + 1] = radius * angle.sin;
  }
}

}  // namespace

void fill_normal(const RandomKey& key, std::uint64_t first, std::int64_t count, float std, float* out) {
  const std::uint64_t last = first + static_cast<std::uint64_t>(count);
  const auto first_block = static_cast<std::int64_t>(first / 4);
  const auto end_block = static_cast<std::int64_t>((last + 3) / 4);
#pragma omp parallel for schedule(static) if (count > 65536)
  for (std::int64_t block = first_block; block < end_block; ++block) {
    float values[4];
    normals_of_block(key, static_cast<std::uint64_t>(block), std, values);
    const std::uint64_t begin = static_cast<std::uint64_t>(block) * 4;
    for (std::uint64_t i = std::max(begin, first); i < std::min(begin + 4, last); ++i)
      out[i - first] = values[i - begin];
  }
}

}  // namespace phalanx
