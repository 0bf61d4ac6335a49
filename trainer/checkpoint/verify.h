// A share of verify(), so that ranks can divide the reading.
#pragma once

#include "trainer/checkpoint/checkpoint.h"

namespace phalanx::checkpoint {

// Verifies the files whose ordinal is `share` modulo `shares`.
void verify_share(const Manifest& manifest, int share, int shares);

}  // namespace phalanx::checkpoint
