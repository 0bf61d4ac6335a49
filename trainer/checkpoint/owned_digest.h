// Digests of what a rank owns of masters and moments, wherever it lies.
#pragma once

#include <cstdint>

#include "model/ops/exec.h"
#include "parallel/communicator.h"
#include "trainer/checkpoint/checkpoint.h"

namespace phalanx::checkpoint {

// out (1) int64 <- the digest of one piece of own elements (own_count) by global index, padding left out.
void digest_piece(const ops::Exec& exec, const Tensor& out, const ParamSpec& spec, const OwnedPiece& piece,
                  const Tensor& own);

// This rank's share in the StateDigest: of the pieces that it saves, in host memory. m and v may be undefined. Not
// collective; may run on any thread.
StateDigest digest_of_owned(const OwnedState& state);

// The shares of all ranks, added. Collective.
StateDigest sum_over_ranks(const StateDigest& share, Communicator& world);

}  // namespace phalanx::checkpoint
