// Values that the field list knows and this program cannot do. They are refused by name, never replaced by others.
#pragma once

#include "trainer/config/config.h"
#include "trainer/config/problems.h"

namespace phalanx::config {

void refuse_unsupported(const Config& config, Problems& problems);

}  // namespace phalanx::config
