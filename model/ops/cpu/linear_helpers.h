// What the CPU's products need beside a product. Entries of the op table that only the CPU fills.
#pragma once

#include "model/ops/exec.h"

namespace phalanx::ops {

// to <- from, a (rows, columns) block of larger matrices; strides count elements. dtypes: fp32 or bf16.
struct CastBlock {
  std::byte* to = nullptr;
  DType to_dtype = DType::f32;
  std::int64_t to_stride = 0;
  const std::byte* from = nullptr;
  DType from_dtype = DType::f32;
  std::int64_t from_stride = 0;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
};

}  // namespace phalanx::ops
