// All rules that a configuration must keep, as a pure function: no MPI, no GPU, no files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/config/config.h"

namespace phalanx::config {

// Whether the command reads data.train (training) or makes up its tokens (a benchmark).
enum class DataUse : std::uint8_t { needed, unused };

// Every problem of `config` on `world_size` ranks, a sentence each that opens with the key; empty: it can run.
std::vector<std::string> validate(const Config& config, int world_size, DataUse use = DataUse::needed);

// Throws UsageError with all problems, a line each, if there are any.
void require_valid(const Config& config, int world_size, DataUse use = DataUse::needed);

}  // namespace phalanx::config
