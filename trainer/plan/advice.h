// What makes a job fit that does not: each setting is planned, nothing is guessed.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "trainer/plan/job_plan.h"

namespace phalanx::plan {

struct Advice {
  std::vector<std::pair<std::string, std::string>> settings;  // key, value; to be set together
  std::int64_t needed = 0;                                    // bytes, as JobPlan's
  bool fits = false;
};

// For each knob the value nearest to the configuration's that makes the job fit on its own. Where no knob does, one
// advice: knobs turned together, one after the other, until the job fits, or all of them, which does not fit. Empty
// when there is no knob to turn. `config` as loaded, with its vocabulary; `now` is its plan.
std::vector<Advice> advise(const config::Config& config, int world_size, const Target& target, const JobPlan& now);

}  // namespace phalanx::plan
