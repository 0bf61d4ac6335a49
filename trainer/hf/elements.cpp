#include "trainer/hf/elements.h"

#include <cmath>
#include <cstring>

#include "core/check.h"
#include "trainer/hf/float16.h"

namespace phalanx::hf {
namespace {

static_assert(std::endian::native == std::endian::little, "elements are stored as they lie in memory");

std::uint16_t short_bits(float value, DType dtype) {
  return dtype == DType::bf16 ? bf16::round_bits(value) : half_bits(value);
}

float short_value(std::uint16_t bits, DType dtype) {
  return dtype == DType::bf16 ? std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16) : half_value(bits);
}

void require_known(DType dtype) {
  ENSURE(dtype == DType::f32 || dtype == DType::bf16 || dtype == DType::f16, "weights are stored as fp32, bf16 or ",
         "fp16, not ", name_of(dtype));
}

}  // namespace

std::int64_t encode(const float* values, std::int64_t count, DType dtype, std::byte* out) {
  require_known(dtype);
  if (dtype == DType::f32) {
    std::memcpy(out, values, static_cast<std::size_t>(count) * sizeof(float));
    return 0;
  }
  std::int64_t overflows = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint16_t bits = short_bits(values[i], dtype);
    overflows += std::isfinite(values[i]) && !std::isfinite(short_value(bits, dtype)) ? 1 : 0;
    std::memcpy(out + 2 * i, &bits, 2);
  }
  return overflows;
}

void decode(const std::byte* in, std::int64_t count, DType dtype, float* values) {
  require_known(dtype);
  if (dtype == DType::f32) {
    std::memcpy(values, in, static_cast<std::size_t>(count) * sizeof(float));
    return;
  }
  for (std::int64_t i = 0; i < count; ++i) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, in + 2 * i, 2);
    values[i] = short_value(bits, dtype);
  }
}

void round_values(float* values, std::int64_t count, DType dtype) {
  require_known(dtype);
  if (dtype == DType::f32) return;
  for (std::int64_t i = 0; i < count; ++i) values[i] = short_value(short_bits(values[i], dtype), dtype);
}

}  // namespace phalanx::hf
