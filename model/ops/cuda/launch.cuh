// The launcher of core/launch.cuh by the names that kernels of ops use.
#pragma once

#include "core/launch.cuh"

namespace phalanx::ops::cuda {

using phalanx::cuda::divide_up;
using phalanx::cuda::kWarp;
using phalanx::cuda::launch;
using phalanx::cuda::Launch;
using phalanx::cuda::thread_index;

}  // namespace phalanx::ops::cuda
