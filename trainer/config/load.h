// YAML file and --set overrides -> Config. Every problem of the file and the overrides is found in one pass and thrown
// as one UsageError, a line each: "<file>:<line>: <what>; nearest known key: <key>".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "trainer/config/config.h"

namespace phalanx::config {

// Reads `path` (defaults only when empty), then applies overrides of the form "key.path=value" in order; values are
// YAML. Checks keys, types and each value by itself; validate.h checks what depends on several keys.
Config load(const std::string& path, const std::vector<std::string>& overrides);

// The same from text, e.g. the resolved configuration in a checkpoint; `name` stands where a file's name would.
Config parse(std::string_view yaml, const std::string& name, const std::vector<std::string>& overrides);

}  // namespace phalanx::config
