#include "trainer/threads.h"

#include <omp.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace phalanx {
namespace {

int host_cores() { return std::max(1, static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN))); }

// Cores that this process may run on.
int allowed_cores() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  return sched_getaffinity(0, sizeof mask, &mask) == 0 ? CPU_COUNT(&mask) : host_cores();
}

}  // namespace

int set_threads(const Runtime& runtime) {
  if (std::getenv("OMP_NUM_THREADS") == nullptr) {
    runtime.warn_if_bound();
    omp_set_num_threads(std::min(std::max(1, host_cores() / runtime.local_size()), allowed_cores()));
  }
  return omp_get_max_threads();
}

}  // namespace phalanx
