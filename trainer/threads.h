// How many OpenMP threads a rank computes with.
#pragma once

#include "parallel/runtime.h"

namespace phalanx {

// Cores of this host / ranks on it, at least 1 and no more than the rank is bound to; OMP_NUM_THREADS wins where it is
// set. Warns when mpirun bound the rank to fewer cores than its share. Returns the number that is now in force.
int set_threads(const Runtime& runtime);

}  // namespace phalanx
