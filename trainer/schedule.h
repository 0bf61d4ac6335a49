// The learning rate of a step: a pure function, so resuming needs no state.
#pragma once

#include <cstdint>

#include "trainer/config/config.h"

namespace phalanx {

// Rate of step s (from 0) of a run of `steps` >= 1 steps. Warm-up of W steps: peak (s + 1) / W. From then on p runs
// from 0 at step W to 1 at the last step, f = final_fraction:
//   constant     peak                                linear  peak (1 - (1 - f) p)
//   cosine       peak (f + (1 - f) (1 + cos(pi p)) / 2)
//   polynomial   peak (f + (1 - f) (1 - p)^power)
//   wsd          peak until the last D = round(decay_fraction steps) steps, then a line that ends at f peak
// Steps beyond the last keep its rate.
double learning_rate(const config::Schedule& schedule, double peak, std::int64_t steps, std::int64_t step);

// How many of the last steps decay under wsd.
std::int64_t decay_steps(const config::Schedule& schedule, std::int64_t steps);

}  // namespace phalanx
