// JobPlan: the memory of every rank of a job, measured by the code that allocates it, with no GPU and no other rank.
#pragma once

#include <cstdint>
#include <vector>

#include "trainer/config/config.h"
#include "trainer/memory.h"
#include "trainer/plan/target.h"

namespace phalanx::plan {

// World ranks [first, last] that need the same.
struct RankPlan {
  int first = 0, last = 0;
  std::vector<ArenaBytes> arenas;
  std::int64_t device_bytes = 0;  // of all arenas and the reserve, in the memory that the target counts
};

struct JobPlan {
  Grid grid{};
  std::int64_t reserve = 0;     // bytes of a rank beside its arenas
  std::vector<RankPlan> ranks;  // in rank order
  std::int64_t needed = 0;      // bytes where most is needed: by one rank of a GPU, by all ranks of a host
  int worst_rank = 0;           // the first rank of that place
  std::int64_t capacity = 0;    // bytes that are there

  [[nodiscard]] bool fits() const { return needed <= capacity; }
};

// What `train` with this configuration allocates on `world_size` ranks. `config` is resolved and valid, its vocabulary
// known.
JobPlan plan_job(const config::Config& config, int world_size, const Target& target);

}  // namespace phalanx::plan
