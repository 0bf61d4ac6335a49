// fp32 from and to the compute types, on the GPU.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "core/dtype.h"

namespace phalanx::cuda {

__device__ inline float to_float(float value) { return value; }
__device__ inline float to_float(bf16 value) { return __uint_as_float(static_cast<unsigned>(value.bits) << 16); }

template <class T>
__device__ T from_float(float value);
template <>
__device__ inline float from_float<float>(float value) {
  return value;
}
// Round to nearest even; NaN stays a (quiet) NaN: bf16::round_bits of core/dtype.h.
template <>
__device__ inline bf16 from_float<bf16>(float value) {
  const unsigned u = __float_as_uint(value);
  const bool nan = (u & 0x7FFFFFFFU) > 0x7F800000U;
  bf16 result;
  result.bits = static_cast<std::uint16_t>(nan ? (u >> 16 | 0x40U) : ((u + 0x7FFFU + (u >> 16 & 1U)) >> 16));
  return result;
}

}  // namespace phalanx::cuda
