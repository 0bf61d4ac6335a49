// How many OpenMP threads a rank computes with.
#pragma once

#include "parallel/runtime.h"

namespace phalanx {

// Unless OMP_NUM_THREADS is set, which then holds: sets the OpenMP threads to the cores of this host / ranks on it, at
// least 1 and no more than the rank may use, and warns once per host when mpirun bound its ranks to fewer cores than
// their share. Returns the number that is now in force.
int set_threads(const Runtime& runtime);

// Likewise, without a warning, as a rank among `ranks_on_host` would.
int set_threads_among(int ranks_on_host);

}  // namespace phalanx
