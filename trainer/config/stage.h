// What of a configuration changes while a run goes on: phases and the batch ramp. Pure functions of the step, so a
// resume needs no state.
#pragma once

#include <cstdint>
#include <vector>

#include "trainer/config/config.h"

namespace phalanx::config {

// The phases of a run, each as a configuration of its own without phases: its steps, context, batch, rate and warm-up
// stand where those of the whole run did. model.context is then the length of its sequences; the model's is the whole
// run's. The ramp stays with the first. A run without phases is one.
std::vector<Config> phases_of(const Config& config);

// Global batch of step s < ramp.steps, in equal stages: from (1 + floor(s (to / from - 1) / steps)); `to` afterwards.
std::int64_t ramp_batch(const BatchRamp& ramp, std::int64_t step);

// Steps that are alike in all but the learning rate.
struct Stage {
  std::int64_t begin = 0, end = 0;  // steps [begin, end)
  std::int64_t phase_begin = 0;     // where the schedule began
  std::size_t phase = 0;
  Config config;  // of the phase, without a ramp: training.global_batch is that of these steps
  [[nodiscard]] bool holds(std::int64_t step) const { return step >= begin && step < end; }
};
// The stage of a step; steps beyond the last belong to the last stage.
Stage stage_at(const Config& config, std::int64_t step);

// The largest number that divides the global batch of every step.
std::int64_t common_batch_divisor(const Config& config);

// Sequences that the whole run consumes.
double total_sequences(const Config& config);

}  // namespace phalanx::config
