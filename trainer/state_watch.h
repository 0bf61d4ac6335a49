// StateWatch: between updates nothing may change weights, masters or moments, and copies on several ranks must be
// equal. A bit that flips in memory, or code that writes where it should not, is found here and not in a curve weeks
// later.
#pragma once

#include <cstdint>
#include <vector>

#include "trainer/held_state.h"

namespace phalanx {

class StateWatch {
 public:
  // All three must outlive the watch.
  StateWatch(Replica& replica, Communicator& world, Communicator& data);

  // After the update of a step: compares the copies that ranks hold, and remembers the state. Throws AgreedError naming
  // rank and tensor when copies differ. Collective.
  StateDigest begin(std::int64_t step);
  // Throws AgreedError naming rank and tensor when the state is no longer what it was at begin(); nothing happens
  // without one. Collective.
  void check();
  // check(), and forget: an update follows.
  void end();

  // The digest of a state that was found sound just now: by check(), or by begin(). Collective.
  StateDigest checked(std::int64_t step);

 private:
  void compare_copies(Copies copies, Communicator& group);

  Replica& replica_;
  Communicator& world_;
  Communicator& data_;
  bool watching_ = false;
  std::int64_t step_ = 0;           // and what was held after it
  std::int64_t compared_step_ = 0;  // copies were equal after it
  std::vector<HeldTensor> held_;
  StateDigest digest_;
};

}  // namespace phalanx
