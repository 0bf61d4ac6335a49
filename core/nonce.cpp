#include "core/nonce.h"

#include <random>

namespace phalanx {

std::uint64_t random_nonce() {
  std::random_device source;
  return (std::uint64_t{source()} << 32) | source();
}

}  // namespace phalanx
