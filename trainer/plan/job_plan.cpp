#include "trainer/plan/job_plan.h"

#include <algorithm>

#include "trainer/build.h"

namespace phalanx::plan {
namespace {

// The snapshot lies in host memory: beside the arenas of a CPU rank, not beside those of a GPU.
bool counts(const ArenaBytes& arena, const Target& target) {
  return target.device.type == DeviceType::cpu || arena.name != "snapshot";
}

// Needs of whole hosts (or of each GPU): the largest and where it is.
void find_worst(const Target& target, int world_size, JobPlan& job) {
  const RankPlan* plan = job.ranks.data();
  for (int begin = 0; begin < world_size; begin += target.ranks_per_memory) {
    std::int64_t together = 0;
    for (int rank = begin; rank < std::min(begin + target.ranks_per_memory, world_size); ++rank) {
      while (plan->last < rank) ++plan;
      together += plan->device_bytes;
    }
    if (together <= job.needed) continue;
    job.needed = together;
    job.worst_rank = begin;
  }
}

}  // namespace

JobPlan plan_job(const config::Config& config, int world_size, const Target& target) {
  JobPlan job;
  job.grid = grid_of(config, world_size);
  job.capacity = target.capacity;
  job.reserve = reserve_bytes(target, job.grid);
  const Replica::Workload workload = training_workload(config);
  for (int rank = 0; rank < world_size; ++rank) {
    RankPlan plan{rank, rank, {}, job.reserve};
    plan.arenas = Replica::plan(training_options(config, job.grid, rank, target.device), workload).bytes();
    for (const ArenaBytes& arena : plan.arenas) plan.device_bytes += counts(arena, target) ? arena.planned : 0;
    if (!job.ranks.empty() && job.ranks.back().arenas == plan.arenas) {
      job.ranks.back().last = rank;
    } else {
      job.ranks.push_back(std::move(plan));
    }
  }
  find_worst(target, world_size, job);
  return job;
}

}  // namespace phalanx::plan
