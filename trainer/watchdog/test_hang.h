// For tests of the watchdog alone: PHALANX_TEST_HANG=RANK:STEP:PLACE makes one rank misbehave in one step. Without the
// variable nothing happens.
#pragma once

#include <cstdint>

namespace phalanx::watchdog {

// PLACE "data": the rank sleeps for ever where it waits for its batch.
void sleep_in_data_if_asked(int world_rank, std::int64_t step);
// PLACE "collective": true where the rank is to leave out a collective that the others make.
[[nodiscard]] bool skips_collective(int world_rank, std::int64_t step);

}  // namespace phalanx::watchdog
