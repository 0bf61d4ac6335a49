// The configuration as a page to read.
#pragma once

#include <string>

#include "trainer/config/config.h"

namespace phalanx::config {

// A table of all keys by section: value, default, unit, meaning, what is allowed, and which of that is refused.
std::string show(const Config& config);

}  // namespace phalanx::config
