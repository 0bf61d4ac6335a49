// Are sums over ranks right, and how fast are they?
#pragma once

#include <vector>

#include "parallel/runtime.h"
#include "trainer/config/config.h"
#include "trainer/preflight/report.h"

namespace phalanx::preflight {

// A finding for each group of several ranks: world, data, tensor. Collective.
std::vector<Finding> check_collectives(const config::Config& config, const Runtime& runtime);

}  // namespace phalanx::preflight
