// AwakeClock: seconds in which this process ran. When the whole machine or the process stood still, nobody hangs.
#pragma once

#include <algorithm>

#include "core/clock.h"

namespace phalanx::watchdog {

class AwakeClock {
 public:
  static constexpr double kLongestGap = 1.0;  // seconds between two looks that count

  // Looks at the time; to be called several times a second.
  void look() {
    seconds_ += std::min(seconds_since(last_), kLongestGap);
    last_ = Clock::now();
  }
  [[nodiscard]] double seconds() const { return seconds_; }

 private:
  Clock::time_point last_ = Clock::now();
  double seconds_ = 0;
};

}  // namespace phalanx::watchdog
