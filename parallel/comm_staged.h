// A communicator that takes buffers of GPUs through host memory, for ranks that share one and where NCCL is not there.
#pragma once

#include <memory>

#include "parallel/communicator.h"

namespace phalanx {

// `host` works on host memory. Its own buffers, pinned, grow to the largest operation, within the first step.
std::unique_ptr<Communicator> make_staged_communicator(std::unique_ptr<Communicator> host);

}  // namespace phalanx
