// The local half of sums over ranks, on the GPU: parallel/combine.h for device memory.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/device.h"
#include "core/dtype.h"
#include "parallel/combine.h"

namespace phalanx::cuda {

// One part of `count` elements from each rank: `own` is that of own_rank, that of rank r lies at staging + r * stride.
struct RankParts {
  const std::byte* own = nullptr;
  const std::byte* staging = nullptr;
  std::int64_t stride = 0;  // bytes
  int own_rank = 0;
  int ranks = 1;
};

// out (count) <- the combination of all parts (sum, max or min; parallel/combine.h); `out` may be `own`.
void combine_parts(Combine how, DType dtype, std::byte* out, const RankParts& parts, std::int64_t count,
                   const Stream& stream);

// a (count) <- a + b, rounded to the stored type: one node of a tree.
void add_node(DType dtype, std::byte* a, const std::byte* b, std::int64_t count, const Stream& stream);

}  // namespace phalanx::cuda
