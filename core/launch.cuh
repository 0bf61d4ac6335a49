// The one way to launch a kernel: on a stream, checked.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <limits>

#include "core/cuda_check.h"
#include "core/device.h"

namespace phalanx::cuda {

inline constexpr int kWarp = 32;

struct Launch {
  std::int64_t blocks = 0;  // nothing is launched for 0
  int threads = 256;        // of a block
  std::int64_t blocks_y = 1;
};

constexpr std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

template <class... P, class... A>
void launch(void (*kernel)(P...), Launch shape, const Stream& stream, A... arguments) {
  if (shape.blocks == 0 || shape.blocks_y == 0) return;
  ENSURE(shape.blocks <= std::numeric_limits<std::int32_t>::max() && shape.blocks_y <= 65535, "grid of (", shape.blocks,
         ", ", shape.blocks_y, ") blocks");
  cudaLaunchConfig_t config{};
  config.gridDim = {static_cast<unsigned>(shape.blocks), static_cast<unsigned>(shape.blocks_y), 1};
  config.blockDim = {static_cast<unsigned>(shape.threads), 1, 1};
  config.stream = static_cast<cudaStream_t>(stream.handle);
  CUDA_OK(cudaLaunchKernelEx(&config, kernel, static_cast<P>(arguments)...));
}

// Index of this thread over all blocks of dimension x.
__device__ inline std::int64_t thread_index() {
  return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}

}  // namespace phalanx::cuda
