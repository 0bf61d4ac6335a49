// A checksum of state that depends neither on the order of its elements nor on how they are cut into pieces: the sum,
// modulo 2^64, of each element's bits times an odd number that its index gives. Any one changed element changes it.
#pragma once

#include <cstdint>
#include <limits>

#include "model/ops/exec.h"

namespace phalanx::ops {

// Where the elements of a piece lie in the whole: element i has index
//   (begin + i) / block * stride + offset + (begin + i) % block.
// By default they are neighbours, the first of them at `offset`.
struct DigestIndex {
  std::int64_t begin = 0;
  std::int64_t block = std::numeric_limits<std::int64_t>::max();
  std::int64_t stride = 0;
  std::int64_t offset = 0;
};

// out (1) int64 <- the digest of x (n) fp32 or bf16. Those of all pieces, added modulo 2^64, are that of the whole.
void digest(const Exec& exec, const Tensor& out, const Tensor& x, const DigestIndex& index);

}  // namespace phalanx::ops
