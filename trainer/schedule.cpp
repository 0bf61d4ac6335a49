#include "trainer/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/check.h"

namespace phalanx {
namespace {

// 0 at `begin`, 1 at `end` and beyond; a stretch of no length is over at once.
double progress(std::int64_t step, std::int64_t begin, std::int64_t end) {
  if (step >= end) return 1.0;
  return std::max(0.0, static_cast<double>(step - begin) / static_cast<double>(end - begin));
}

// How much of the way from the peak to the final rate is left at progress p, from 1 to 0.
double remaining(const config::Schedule& schedule, double p) {
  if (schedule.type == "linear" || schedule.type == "wsd") return 1.0 - p;
  if (schedule.type == "cosine") return 0.5 * (1.0 + std::cos(std::numbers::pi * p));
  if (schedule.type == "polynomial") return std::pow(1.0 - p, schedule.power);
  throw UsageError(str("schedule.type is unknown: ", schedule.type));
}

}  // namespace

std::int64_t decay_steps(const config::Schedule& schedule, std::int64_t steps) {
  return std::llround(schedule.decay_fraction * static_cast<double>(steps));
}

double learning_rate(const config::Schedule& schedule, double peak, std::int64_t steps, std::int64_t step) {
  const std::int64_t warmup = schedule.warmup_steps;
  if (step < warmup) return peak * static_cast<double>(step + 1) / static_cast<double>(warmup);
  if (schedule.type == "constant") return peak;
  const std::int64_t last = steps - 1;
  std::int64_t begin = warmup;
  if (schedule.type == "wsd") {
    const auto decay = decay_steps(schedule, steps);
    if (decay == 0) return peak;
    begin = last - decay;  // the last step of the plateau
  }
  const double f = schedule.final_fraction;
  return peak * (f + (1.0 - f) * remaining(schedule, progress(step, begin, last)));
}

}  // namespace phalanx
