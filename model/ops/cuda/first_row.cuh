// Sums into rows that several sources share, without atomics: the block of the first source adds up all of them.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace phalanx::ops::cuda {

// Whether no source before n goes to the row that ids[n] names. Every thread of the block takes part and gets the
// answer.
template <class Ids>
__device__ bool is_first_of_its_row(const Ids& ids, std::int64_t n) {
  const std::int64_t id = ids[n];
  __shared__ int earlier;
  if (threadIdx.x == 0) earlier = 0;
  __syncthreads();
  for (std::int64_t k = threadIdx.x; k < n; k += blockDim.x) {
    if (ids[k] == id) earlier = 1;  // all write the same
  }
  __syncthreads();
  return earlier == 0;
}

}  // namespace phalanx::ops::cuda
