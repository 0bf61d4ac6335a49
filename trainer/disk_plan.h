// The disk that the checkpoints of a run will need, before the first one is written.
#pragma once

#include <cstdint>
#include <string>

#include "trainer/config/config.h"

namespace phalanx {

struct DiskPlan {
  std::int64_t checkpoint_bytes = 0;  // of one checkpoint
  std::int64_t more = 0;              // checkpoints that will lie there at once beside those of now
  std::int64_t free_bytes = -1;       // negative: unknown

  [[nodiscard]] std::int64_t needed_bytes() const { return more * checkpoint_bytes; }
};

// Of a run with so many parameters that has done `step` steps and left `existing` checkpoints. While a checkpoint is
// written there is one more than checkpoint.keep.
DiskPlan plan_disk(const config::Config& config, std::int64_t parameters, std::int64_t step, std::int64_t existing,
                   std::int64_t free_bytes);

// A line for the log. Throws UsageError naming run.output when not even one checkpoint fits.
std::string describe_or_refuse(const DiskPlan& plan, const config::Config& config);
// What is wrong with the plan, with the knob; empty: nothing.
std::string warning_of(const DiskPlan& plan, const config::Config& config);

}  // namespace phalanx
