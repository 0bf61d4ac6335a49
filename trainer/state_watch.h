// StateWatch: between updates nothing may change weights, masters or moments, and data ranks must hold equal copies. A
// bit that flips in memory, or code that writes where it should not, is found here and not in a curve weeks later.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/held_state.h"

namespace phalanx {

class StateWatch {
 public:
  // All three must outlive the watch.
  StateWatch(Replica& replica, Communicator& world, Communicator& data);

  // After the update of a step: remembers the state. Throws AgreedError, naming rank and tensor, when data ranks hold
  // different copies. Collective.
  StateDigest begin(std::int64_t step);
  // Throws AgreedError naming rank and tensor when the state is no longer what it was at begin(); nothing happens
  // without one. Collective.
  void check();
  // check(), and forget: an update follows.
  void end();

  // Of the state now: what begin() remembered, else computed. Collective.
  StateDigest digest();

 private:
  void compare_copies();

  Replica& replica_;
  Communicator& world_;
  Communicator& data_;
  bool watching_ = false;
  std::int64_t step_ = 0;  // and what was held after it
  std::vector<HeldTensor> held_;
  StateDigest digest_;
};

}  // namespace phalanx
