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

// Which ranks hold the same as this one: none, those with its tensor coordinate, all.
enum class Copies : std::uint8_t { none, data, world };

// One tensor, or a piece of it, that a rank holds.
struct HeldTensor {
  StateKind kind = StateKind::weights;
  int spec = 0;
  Copies copies = Copies::none;
  bool counts = false;  // this rank speaks for it in StateDigest
  std::uint64_t digest = 0;
};

// All that this rank holds; what is held in copies comes in the same order on all ranks that hold them. Reads weights,
// masters and moments once.
std::vector<HeldTensor> digest_held_state(Replica& replica);

// Collective.
StateDigest sum_digests(const std::vector<HeldTensor>& held, const ParamTable& table, Communicator& world);

}  // namespace phalanx
