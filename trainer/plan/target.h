// The machines that a job can be planned for, and what a rank may use of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "parallel/grid.h"

namespace phalanx::plan {

struct Target {
  std::string name;           // "h100", "cpu"
  std::string description;    // "NVIDIA H100 80 GB", "this host"
  Device device;              // what ops plan for
  std::int64_t capacity = 0;  // bytes: of one GPU, or what this host has left
  int ranks_per_memory = 1;   // ranks that share the capacity
};

// What --device takes: the GPUs that are known, and cpu.
std::vector<std::string> target_names();

// The target of that name; on cpu `ranks_per_host` ranks share the memory of this host. Throws UsageError for others.
Target find_target(const std::string& name, int ranks_per_host);

// What a rank needs of a GPU beside its arenas, an estimate: CUDA's context, the kernels that are loaded, the matrices
// whose product is timed at start, and the buffers of NCCL. 0 on the CPU.
std::int64_t reserve_bytes(const Target& target, const Grid& grid);

}  // namespace phalanx::plan
