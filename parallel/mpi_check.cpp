#include "parallel/mpi_check.h"

#include <string_view>

#include "core/check.h"

namespace phalanx {

void throw_mpi_error(const char* file, int line, const char* call, int code) {
  char text[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  if (MPI_Error_string(code, text, &length) != MPI_SUCCESS) length = 0;
  throw_error(
      file, line,
      str(call, " failed: ", std::string_view(text, static_cast<std::size_t>(length)), " (MPI error ", code, ")"));
}

}  // namespace phalanx
