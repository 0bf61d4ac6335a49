// MPI_OK: a call into MPI that throws, with MPI's own text, when it fails. For .cpp files of this folder; headers that
// others include show no MPI.
#pragma once

#include <mpi.h>

namespace phalanx {

// Throws Error("<file>:<line>: <call>: <MPI's text>").
[[noreturn]] void throw_mpi_error(const char* file, int line, const char* call, int code);

}  // namespace phalanx

#define MPI_OK(call)                                                       \
  do {                                                                     \
    if (const int mpi_code = (call); mpi_code != MPI_SUCCESS) [[unlikely]] \
      ::phalanx::throw_mpi_error(__FILE__, __LINE__, #call, mpi_code);     \
  } while (false)
