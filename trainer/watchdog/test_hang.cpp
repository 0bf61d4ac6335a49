#include "trainer/watchdog/test_hang.h"

#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>

#include "core/check.h"

namespace phalanx::watchdog {
namespace {

bool is_asked(int world_rank, std::int64_t step, const char* place) {
  static const char* const asked = std::getenv("PHALANX_TEST_HANG");
  return asked != nullptr && asked == str(world_rank, ':', step, ':', place);
}

}  // namespace

void sleep_in_data_if_asked(int world_rank, std::int64_t step) {
  while (is_asked(world_rank, step, "data")) std::this_thread::sleep_for(std::chrono::seconds(1));
}

bool skips_collective(int world_rank, std::int64_t step) { return is_asked(world_rank, step, "collective"); }

}  // namespace phalanx::watchdog
