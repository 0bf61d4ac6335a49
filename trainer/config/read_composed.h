// Keys whose values are lists or maps: sources, phases, the batch ramp.
#pragma once

#include <vector>

#include "trainer/config/read_value.h"

namespace phalanx::config {

// Each sets `out` from the node, or reports every mistake in it, naming the key, and leaves `out` alone.
void read_composed(const YAML::Node& node, const Field& field, std::vector<Source>& out, const Report& report);
void read_composed(const YAML::Node& node, const Field& field, std::vector<Phase>& out, const Report& report);
void read_composed(const YAML::Node& node, const Field& field, BatchRamp& out, const Report& report);

}  // namespace phalanx::config
