// The bits of a number, for comparisons in which -0 is not 0 and a NaN is itself.
#pragma once

#include <array>
#include <bit>
#include <cstddef>

namespace phalanx::testing {

template <class T>
std::array<std::byte, sizeof(T)> bits_of(const T& value) {
  return std::bit_cast<std::array<std::byte, sizeof(T)>>(value);
}

}  // namespace phalanx::testing
