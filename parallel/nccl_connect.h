// How the ranks of a group become a communicator of NCCL.
#pragma once

#include <nccl.h>

#include "parallel/communicator.h"
#include "parallel/nccl_watch.h"

namespace phalanx {

// On the GPU that the calling thread has selected; `host` is the same group on host memory. `watch` looks after the
// connecting, and from then on after the communicator. Collective; throws UsageError where NCCL is missing or refuses.
ncclComm_t connect_nccl(Communicator& host, NcclWatch& watch);

}  // namespace phalanx
