// Runtime: MPI from start to end, who this rank is, the communicators of the grid. main builds one and passes it down.
#pragma once

#include <memory>
#include <string>

#include "parallel/communicator.h"
#include "parallel/grid.h"
#include "parallel/host_limits.h"

namespace phalanx {

// The MPI environment of one process. Started without mpirun it is a world of one rank.
class Runtime {
 public:
  // MPI_Init_thread(FUNNELED): only the main thread may call MPI. Sets the log identity. Once per process. Throws
  // UsageError in a Slurm step of several tasks that MPI cannot see.
  Runtime(int* argc, char*** argv);
  // MPI_Finalize. While an exception unwinds the stack it ends the whole job instead: the other ranks would wait
  // forever.
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  [[nodiscard]] int world_rank() const;
  [[nodiscard]] int world_size() const;
  [[nodiscard]] int local_rank() const;       // among the ranks on this host
  [[nodiscard]] int local_size() const;       // ranks on this host
  [[nodiscard]] Communicator& world() const;  // all ranks, host memory

  // One rank's fatal error ends the whole job within seconds: flushes, then MPI_Abort(status). Never hangs; may be
  // called from any thread. A status of 0 is made 1.
  [[noreturn]] void abort(int status) const;

  // Warns, once per host, when this rank may use fewer cores than its share of the host (mpirun -np 1 and -np 2 bind
  // every rank to one core).
  void warn_if_bound() const;

  // Communicators of this rank's row and column of the grid; grid.world_size() must be world_size(). Collective.
  struct Axes {
    std::unique_ptr<Communicator> data;    // ranks with the same tensor coordinate
    std::unique_ptr<Communicator> tensor;  // ranks with the same data coordinate
  };
  [[nodiscard]] Axes split(const Grid& grid, const HostLimits& limits = {}) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace phalanx
