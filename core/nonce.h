// A number that nobody else draws: for names of temporary files and for telling jobs of one host apart.
#pragma once

#include <cstdint>

namespace phalanx {

// From the system's source; no part of what is computed may depend on it.
std::uint64_t random_nonce();

}  // namespace phalanx
