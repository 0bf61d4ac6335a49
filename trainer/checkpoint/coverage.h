// Do the pieces that a manifest lists make up every tensor exactly once? Pure arithmetic on the manifest.
#pragma once

#include "trainer/checkpoint/checkpoint.h"

namespace phalanx::checkpoint {

// Throws Error naming the tensor when shapes and shards do not go together, a piece lies outside its shard or file,
// overlaps another, or an element is stored nowhere.
void check_coverage(const Manifest& manifest);

}  // namespace phalanx::checkpoint
