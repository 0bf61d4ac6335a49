// Sums and maxima over the threads of a warp or block, in a fixed tree: every thread gets the result.
#pragma once

#include "model/ops/cuda/launch.cuh"

namespace phalanx::ops::cuda {

struct Add {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a + b;
  }
};
struct Max {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a > b ? a : b;
  }
};

template <class Op, class T>
__device__ inline T warp_reduce(T value, Op op) {
  for (int lanes = kWarp / 2; lanes > 0; lanes /= 2) value = op(value, __shfl_xor_sync(0xFFFFFFFFU, value, lanes));
  return value;
}

// For blocks of whole warps; every thread takes part.
template <class Op, class T>
__device__ inline T block_reduce(T value, Op op) {
  __shared__ T of_warps[kWarp];
  const int warps = static_cast<int>(blockDim.x) / kWarp;
  value = warp_reduce(value, op);
  if (threadIdx.x % kWarp == 0) of_warps[threadIdx.x / kWarp] = value;
  __syncthreads();
  T result = of_warps[0];
  for (int w = 1; w < warps; ++w) result = op(result, of_warps[w]);
  __syncthreads();  // the next reduction writes again
  return result;
}

}  // namespace phalanx::ops::cuda
