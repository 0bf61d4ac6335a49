// A checksum of state that does not depend on the order of its elements, nor on how they are cut into pieces: a sum,
// modulo 2^64, of each element's bits times an odd number that its index gives. So any one changed bit changes it.
#pragma once

#include "model/ops/exec.h"

namespace phalanx::ops {

// out (1) int64 <- the sum over x (n) fp32 or bf16, element i with index first + i. Adding those of all pieces, modulo
// 2^64, gives that of the whole.
void digest(const Exec& exec, const Tensor& out, const Tensor& x, std::int64_t first);

}  // namespace phalanx::ops
