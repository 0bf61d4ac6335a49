// Libraries that can tell their version are asked at run time; of the others CMake knows what was compiled against.
#include "trainer/version.h"

#include <civetweb.h>
#include <dnnl.h>
#include <hdf5.h>
#include <mpi.h>

#include <array>

#include "core/check.h"
#include "phalanx_build.h"

namespace phalanx {
namespace {

// "Open MPI v4.1.4" of a longer sentence.
std::string mpi_version() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  MPI_Get_library_version(text.data(), &length);
  const std::string whole(text.data(), static_cast<std::size_t>(length));
  return whole.substr(0, whole.find_first_of(",\n"));
}

std::string hdf5_version() {
  unsigned major = 0, minor = 0, release = 0;
  H5get_libversion(&major, &minor, &release);
  return str("HDF5 ", major, ".", minor, ".", release);
}

std::string dnnl_version_text() {
  const dnnl_version_t* v = dnnl_version();
  return str("oneDNN ", v->major, ".", v->minor, ".", v->patch);
}

}  // namespace

std::string_view program_version() { return build::kVersion; }
std::string_view source_commit() { return build::kCommit; }

std::string version_text() {
  return str("phalanx ", program_version(), " (commit ", source_commit(), ")\n", build::kCompiler, ", ",
             build::kBuildType, "\n", mpi_version(), ", ", hdf5_version(), ", ", dnnl_version_text(), ", civetweb ",
             mg_version(), ", ", build::kLibraries);
}

}  // namespace phalanx
