// What the MPI tests share: the one Runtime of the process, made by mpi_main.cpp.
#pragma once

#include "parallel/runtime.h"

namespace phalanx {

Runtime& test_runtime();

}  // namespace phalanx
