// A job that fails as its argument says, for tests of how jobs end: all ranks or rank 1 alone, by kind of error. Ranks
// that do not fail wait for the others in a collective, as training would.
#include <new>
#include <string>

#include "core/check.h"
#include "parallel/runtime.h"
#include "trainer/failure.h"

using namespace phalanx;

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  Runtime runtime(&argc, &argv);
  const bool chosen = runtime.world_rank() == 1;
  try {
    if (what == "usage_all") throw UsageError("bad key");
    if (what == "agreed_all") throw AgreedError("the loss is not finite");
    if (what == "usage_one" && chosen) throw UsageError("a file is not here");
    if (what == "error_one" && chosen) throw Error("the disk is full");
    if (what == "memory_one" && chosen) throw std::bad_alloc();
    if (what == "success") return 0;
    for (;;) runtime.world().barrier();
  } catch (const std::exception& error) {
    return end_job(runtime, error);
  }
}
