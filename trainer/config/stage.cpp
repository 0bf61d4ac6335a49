#include "trainer/config/stage.h"

#include <limits>
#include <numeric>

namespace phalanx::config {
namespace {

std::int64_t or_else(const AutoInt& value, std::int64_t usual) { return value.is_auto() ? usual : value.value; }

Config with_phase(Config config, const Phase& phase) {
  config.training.phases.clear();
  config.training.steps = phase.steps;
  config.model.context = or_else(phase.context, config.model.context);
  config.training.global_batch = or_else(phase.global_batch, config.training.global_batch);
  config.training.micro_batch = or_else(phase.micro_batch, config.training.micro_batch);
  config.schedule.warmup_steps = or_else(phase.warmup_steps, config.schedule.warmup_steps);
  if (phase.learning_rate >= 0) config.optimizer.learning_rate = phase.learning_rate;
  return config;
}

// How often the batch has grown by step s, and the first step where it will have grown `times` times.
std::int64_t times_grown(const BatchRamp& ramp, std::int64_t step) {
  return step * (ramp.to / ramp.from - 1) / ramp.steps;
}
std::int64_t first_step_grown(const BatchRamp& ramp, std::int64_t times) {
  const std::int64_t most = ramp.to / ramp.from - 1;
  return (times * ramp.steps + most - 1) / most;
}

// Cuts a stage of a phase with a ramp down to the steps with the batch of `step`.
void cut_to_ramp(Stage& stage, std::int64_t step) {
  const BatchRamp ramp = stage.config.training.batch_ramp;
  stage.config.training.batch_ramp = {};
  if (ramp.steps == 0) return;
  stage.config.training.global_batch = ramp_batch(ramp, step);
  if (step >= ramp.steps) {
    stage.begin = ramp.steps;
    return;
  }
  const std::int64_t times = times_grown(ramp, step);
  stage.begin = first_step_grown(ramp, times);
  stage.end = first_step_grown(ramp, times + 1);
}

}  // namespace

std::vector<Config> phases_of(const Config& config) {
  if (config.training.phases.empty()) return {config};
  std::vector<Config> phases;
  for (const Phase& phase : config.training.phases) {
    phases.push_back(with_phase(config, phase));
    if (phases.size() > 1) phases.back().training.batch_ramp = {};
  }
  return phases;
}

std::int64_t ramp_batch(const BatchRamp& ramp, std::int64_t step) {
  return step >= ramp.steps ? ramp.to : ramp.from * (1 + times_grown(ramp, step));
}

Stage stage_at(const Config& config, std::int64_t step) {
  const std::vector<Config> phases = phases_of(config);
  Stage stage;
  while (stage.phase + 1 < phases.size() && step >= stage.phase_begin + phases[stage.phase].training.steps) {
    stage.phase_begin += phases[stage.phase].training.steps;
    ++stage.phase;
  }
  stage.config = phases[stage.phase];
  stage.begin = stage.phase_begin;
  const bool last = stage.phase + 1 == phases.size();
  stage.end = last ? std::numeric_limits<std::int64_t>::max() : stage.phase_begin + stage.config.training.steps;
  cut_to_ramp(stage, step);
  return stage;
}

std::int64_t common_batch_divisor(const Config& config) {
  std::int64_t divisor = config.training.batch_ramp.from;  // 0 without a ramp, and gcd(0, n) is n
  for (const Config& phase : phases_of(config)) divisor = std::gcd(divisor, phase.training.global_batch);
  return divisor;
}

double total_sequences(const Config& config) {
  double total = 0;
  for (const Config& phase : phases_of(config)) {
    total += static_cast<double>(phase.training.steps) * static_cast<double>(phase.training.global_batch);
  }
  return total;
}

}  // namespace phalanx::config
