// Recompute: memory against time.
#pragma once

#include <cstdint>

namespace phalanx {

// What a forward keeps for backward.
enum class Recompute : std::uint8_t {
  none,       // everything
  selective,  // not what is cheap to redo: norm outputs and activations
  full,       // only each block's input
};

}  // namespace phalanx
