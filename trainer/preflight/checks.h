// The checks of preflight: is this cluster ready for this job? Every check is collective and throws nothing for what it
// finds; it allocates little and writes nothing that stays.
#pragma once

#include <vector>

#include "parallel/runtime.h"
#include "trainer/config/config.h"
#include "trainer/preflight/report.h"

namespace phalanx::preflight {

// Everything, in order. `config` is resolved and valid.
std::vector<Finding> check_all(const config::Config& config, int threads, const Runtime& runtime);

}  // namespace phalanx::preflight
