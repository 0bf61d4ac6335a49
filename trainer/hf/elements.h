// Elements of tensors between fp32 in memory and fp32, bf16 or fp16 in files.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/dtype.h"

namespace phalanx::hf {

// `count` values, rounded to nearest even, as they lie in a file (little-endian). Returns how many finite ones became
// infinite.
std::int64_t encode(const float* values, std::int64_t count, DType dtype, std::byte* out);

// The inverse, which loses nothing. `in` need not be aligned.
void decode(const std::byte* in, std::int64_t count, DType dtype, float* values);

// What encode and decode make of each value, in place.
void round_values(float* values, std::int64_t count, DType dtype);

}  // namespace phalanx::hf
