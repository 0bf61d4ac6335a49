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

bool threads_are_given() { return std::getenv("OMP_NUM_THREADS") != nullptr; }

}  // namespace

int set_threads(const Runtime& runtime) {
  if (!threads_are_given()) runtime.warn_if_bound();
  return set_threads_among(runtime.local_size());
}

int set_threads_among(int ranks_on_host) {
  if (!threads_are_given()) {
    omp_set_num_threads(std::min(std::max(1, host_cores() / ranks_on_host), allowed_cores()));
  }
  return omp_get_max_threads();
}

}  // namespace phalanx
