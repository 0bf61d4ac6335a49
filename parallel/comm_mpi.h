// The communicator over MPI, for host memory. MPI moves bytes; every sum is computed here (parallel/combine.h), because
// MPI knows no bf16 and chooses its own order of sums.
#pragma once

#include <mpi.h>

#include <memory>
#include <string>

#include "parallel/communicator.h"
#include "parallel/host_limits.h"

namespace phalanx {

// A communicator over the ranks of `comm`, which it takes over. Collective over `comm`.
std::unique_ptr<Communicator> make_mpi_communicator(MPI_Comm comm, std::string name, const HostLimits& limits);

}  // namespace phalanx
