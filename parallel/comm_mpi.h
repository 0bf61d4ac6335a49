// The communicator over MPI, for host memory. MPI moves bytes; every sum is computed here (parallel/combine.h), because
// MPI knows no bf16 and chooses its own order of sums.
#pragma once

#include <mpi.h>

#include <memory>
#include <string>

#include "parallel/communicator.h"
#include "parallel/runtime.h"

namespace phalanx {

// A communicator over the ranks of `parent` with the same `color`, ordered by `key`. Collective over `parent`.
std::unique_ptr<Communicator> make_mpi_communicator(MPI_Comm parent, int color, int key, std::string name,
                                                    const HostLimits& limits);

}  // namespace phalanx
