// From a checkpoint into a replica.
#pragma once

#include "trainer/checkpoint/checkpoint.h"
#include "trainer/replica.h"

namespace phalanx {

// Masters (and moments) from a checkpoint of any layout, then the weights of all ranks. Throws Error when what arrived
// does not have the digest that was taken before it was saved. Collective.
void load_state(Replica& replica, const checkpoint::Manifest& manifest, checkpoint::Parts parts, Communicator& world);

}  // namespace phalanx
