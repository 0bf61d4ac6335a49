// What a rank holds of the state between updates, tensor by tensor, as digests.
#pragma once

#include <cstdint>
#include <vector>

#include "parallel/communicator.h"
#include "trainer/replica.h"
#include "trainer/state_digest.h"

namespace phalanx {

enum class StateKind : std::uint8_t { weights, master, m, v };
const char* name_of(StateKind kind);  // "weights", "master weights", "first moments", "second moments"

// One tensor, or a piece of it, that a rank holds.
struct HeldTensor {
  StateKind kind = StateKind::weights;
  int spec = 0;
  bool copied = false;  // every data rank holds the same
  bool counts = false;  // this rank speaks for it in StateDigest
  std::uint64_t digest = 0;
};

// All that this rank holds, in an order that is the same for data ranks as far as they hold copies. Reads weights,
// masters and moments once.
std::vector<HeldTensor> digest_held_state(Replica& replica);

// Collective.
StateDigest sum_digests(const std::vector<HeldTensor>& held, Communicator& world);

}  // namespace phalanx
