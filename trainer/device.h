// Which device a rank computes on, and the communicators that reach its memory.
#pragma once

#include <string>

#include "core/tensor.h"
#include "parallel/runtime.h"
#include "trainer/config/config.h"

namespace phalanx {

// What run.device asks for. auto: a GPU where every rank has one, else the CPU. Ranks of a host take its GPUs in turn.
// Throws UsageError, on every rank, for cuda where a rank has none. Collective over all ranks.
Device choose_device(const std::string& wanted, const Runtime& runtime);

// For the start-up line: "cuda 0 (NVIDIA H200, ...)", or "cpu" and, for auto, why.
std::string describe(Device device, const std::string& wanted);

// Communicators of the grid for buffers of `device`, on GPUs as parallel.comm says: nccl and staged are never replaced
// by each other; auto is nccl unless ranks share a GPU, which rank 0 then says. What goes wrong there while nobody
// waits ends the job through `runtime`, which must outlive them. Collective; throws UsageError, on every rank, where
// NCCL cannot be used.
Runtime::Axes open_axes(const Runtime& runtime, const Grid& grid, Device device, const config::Config& config);

}  // namespace phalanx
