#include "trainer/threads.h"

#include <omp.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "core/log.h"

namespace phalanx {
namespace {

// Cores that the rank may run on, and cores of the host.
struct Cores {
  int allowed = 1;
  int host = 1;
};

Cores count_cores() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  const int online = std::max(1, static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN)));
  if (sched_getaffinity(0, sizeof mask, &mask) != 0) return {online, online};
  return {CPU_COUNT(&mask), online};
}

}  // namespace

int set_threads(const Runtime& runtime) {
  const Cores cores = count_cores();
  const int share = std::max(1, cores.host / runtime.local_size());
  if (std::getenv("OMP_NUM_THREADS") == nullptr) {
    // A launcher that left the rank unbound shows it every core; one that bound it shows its own.
    if (cores.allowed < share) {
      log::warning("bound to ", cores.allowed, " of its share of ", share,
                   " cores; start mpirun with --bind-to none, or --map-by slot:PE=", share);
    }
    omp_set_num_threads(std::min(share, cores.allowed));
  }
  return omp_get_max_threads();
}

}  // namespace phalanx
