// combine: the local half of every sum over ranks. Host memory, one thread, as fast as memory allows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/dtype.h"
#include "core/tensor.h"
#include "parallel/communicator.h"

namespace phalanx {

// How the parts of all ranks become one.
//   sum       in order: ((p0 + p1) + p2) + ...; fp32, bf16 and fp16 in fp32 with one rounding at the end, fp64 in fp64,
//             integers exactly (modulo their width)
//   max, min  a NaN in any part gives NaN
//   tree      along the tree of recursive halving: node [b, b + n) = node [b, b + n/2) + node [b + n/2, b + n), every
//             node rounded to the stored type, so that its bits are the same wherever it is computed
enum class Combine : std::uint8_t { sum, max, min, tree };

Combine combine_of(Reduce op);

// out (count) <- the combination of parts (count each). `out` may be one of the parts; no other overlap.
void combine(Combine how, DType dtype, std::byte* out, std::span<const std::byte* const> parts, std::int64_t count);

// out (n) <- the tree over partials (count, n) of this rank; `out` may be partials[0].
void sum_local_tree(const Tensor& out, const Tensor& partials);

}  // namespace phalanx
