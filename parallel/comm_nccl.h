// The communicator over NCCL, for GPUs. NCCL moves the bytes; sums are computed here, in rank order, because NCCL's own
// order depends on topology, sizes and version.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "parallel/communicator.h"

namespace phalanx {

struct NcclOptions {
  int device = 0;
  // Sums in rank order, the contract of Communicator. Otherwise fp32 sums in the order that NCCL likes, which is faster
  // and which only run.reproducible: none allows.
  bool rank_order = true;
  std::int64_t staging_bytes = std::int64_t{64} << 20;  // device memory for parts of other ranks
  double timeout = 0;                                   // seconds until an operation counts as hung; 0: for ever
  // Called once, by a thread of the communicator's own, with what is wrong when NCCL reports an error or an operation
  // hangs; the communicator is then aborted. It may end the process.
  std::function<void(const std::string&)> on_failure;
};

// `host` is the same group on host memory: it brings NCCL's id to all ranks, and does what is asked for host memory.
// Collective over the group. In the CUDA module; elsewhere cuda_module().make_nccl.
std::unique_ptr<Communicator> make_nccl_communicator(std::unique_ptr<Communicator> host, NcclOptions options);

}  // namespace phalanx
