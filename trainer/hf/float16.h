// IEEE 754 half precision as files store it; arithmetic happens in fp32.
#pragma once

#include <bit>
#include <cstdint>

namespace phalanx::hf {

// Rounds to nearest even; beyond the largest half by half a step or more: infinity. NaN stays a (quiet) NaN.
constexpr std::uint16_t half_bits(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits >> 16) & 0x8000U;
  const std::uint32_t magnitude = bits & 0x7FFFFFFFU;
  std::uint32_t half = 0;
  if (magnitude > 0x7F800000U) {
    half = 0x7E00U | ((magnitude >> 13) & 0x3FFU);
  } else if (magnitude >= 0x47800000U) {  // 2^16
    half = 0x7C00U;
  } else if (magnitude < 0x38800000U) {  // 2^-14: halves are multiples of 2^-24, as floats from 0.5 to 1 are
    half = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5F) - 0x3F000000U;
  } else {
    half = (magnitude - 0x38000000U + 0xFFFU + ((magnitude >> 13) & 1U)) >> 13;
  }
  return static_cast<std::uint16_t>(sign | half);
}

constexpr float half_value(std::uint16_t half) {
  const std::uint32_t sign = (half & 0x8000U) << 16;
  const std::uint32_t exponent = (half >> 10) & 0x1FU;
  const std::uint32_t mantissa = half & 0x3FFU;
  if (exponent == 0x1F) return std::bit_cast<float>(sign | 0x7F800000U | (mantissa << 13));
  if (exponent == 0) {
    const float value = static_cast<float>(mantissa) * 0x1p-24F;
    return sign != 0 ? -value : value;
  }
  return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
}

static_assert(half_bits(1.0F) == 0x3C00 && half_bits(65519.0F) == 0x7BFF && half_bits(65520.0F) == 0x7C00);
static_assert(half_value(0x0001) == 0x1p-24F && half_value(0xC000) == -2.0F);

}  // namespace phalanx::hf
