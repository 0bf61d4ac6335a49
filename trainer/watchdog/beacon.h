// Beacon: the position of this rank. The main thread says what it is about in a few relaxed stores; the rest is read,
// from any thread, off the clock of phases and the communicators that it uses anyway.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "core/phase_clock.h"
#include "parallel/communicator.h"
#include "trainer/watchdog/position.h"

namespace phalanx::watchdog {

class Beacon {
 public:
  // The groups in the order of kGroupNames. All must outlive the beacon.
  Beacon(const PhaseClock& clock, std::array<const Communicator*, kGroupNames.size()> groups)
      : clock_(clock), groups_(groups) {}

  void enter(Activity activity, std::int64_t step) {
    activity_.store(activity, std::memory_order_relaxed);
    step_.store(step, std::memory_order_relaxed);
  }
  [[nodiscard]] Position position() const;

 private:
  const PhaseClock& clock_;
  std::array<const Communicator*, kGroupNames.size()> groups_;
  std::atomic<Activity> activity_{Activity::start};
  std::atomic<std::int64_t> step_{0};
};

}  // namespace phalanx::watchdog
