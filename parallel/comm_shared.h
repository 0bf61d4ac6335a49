// The communicator of ranks on one host, over memory that they share. Several times faster than messages between them.
#pragma once

#include <mpi.h>

#include <memory>
#include <string>

#include "parallel/communicator.h"
#include "parallel/host_limits.h"

namespace phalanx {

// A communicator over the ranks of `comm`, which it takes over. Collective over `comm`. Null on every rank, and `comm`
// left to the caller, when the ranks are not on one host or the host has no memory to share.
std::unique_ptr<Communicator> make_shared_communicator(MPI_Comm comm, std::string name, const HostLimits& limits);

}  // namespace phalanx
