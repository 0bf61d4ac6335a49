// Digests of what a rank owns of masters and moments, wherever it lies.
#pragma once

#include <cstdint>

#include "model/ops/exec.h"
#include "parallel/communicator.h"
#include "trainer/checkpoint/checkpoint.h"

namespace phalanx::checkpoint {

// Of one piece of own elements (own_count) by global index, padding left out.
std::uint64_t digest_of_piece(const ops::Exec& exec, const ParamSpec& spec, const OwnedPiece& piece, const Tensor& own);

// This rank's share in the StateDigest: of the pieces that it saves. m and v may be undefined. Not collective; may run
// on any thread.
StateDigest digest_of_owned(const OwnedState& state);

// The shares of all ranks, added. Collective.
StateDigest sum_over_ranks(const StateDigest& share, Communicator& world);

}  // namespace phalanx::checkpoint
