// Console: a line every so many steps, and on a terminal a progress line that is redrawn with every step.
#pragma once

#include <cstdint>
#include <string>

#include "core/clock.h"
#include "trainer/metrics/stats.h"

namespace phalanx {

class Console {
 public:
  // Lines come at multiples of `every` steps, at the first and at the last one; 0: no lines. `terminal`: a file
  // descriptor to draw progress on, -1 for none. Lines go to the log.
  Console(std::int64_t steps, std::int64_t every, int terminal);
  ~Console();
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  void step(const StepStats& stats);
  void validation(const ValidationStats& stats);
  void checkpoint(std::int64_t step, const std::string& path, double seconds, double stall_seconds);

 private:
  void draw(const std::string& line);

  std::int64_t steps_;
  std::int64_t every_;
  int terminal_;
  bool drawn_ = false;
  Clock::time_point last_draw_;
};

// "step  10/250 | loss  8.2134 | norm  1.23 | ...": columns keep their place from step to step.
std::string step_line(const StepStats& stats, std::int64_t steps);
std::string progress_line(const StepStats& stats, std::int64_t steps);

}  // namespace phalanx
