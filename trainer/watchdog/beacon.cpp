#include "trainer/watchdog/beacon.h"

namespace phalanx::watchdog {

Position Beacon::position() const {
  Position p;
  p.activity = activity_.load(std::memory_order_relaxed);
  p.step = step_.load(std::memory_order_relaxed);
  p.phase = clock_.current();
  p.signs = clock_.signs_of_life();
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    const Communicator::Activity here = groups_[g]->activity();
    p.calls[g] = here.calls;
    if (here.operation == nullptr) continue;
    p.group = static_cast<int>(g);
    p.operation = here.operation;
  }
  return p;
}

}  // namespace phalanx::watchdog
