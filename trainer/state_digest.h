// StateDigest: numbers that any change of masters and moments changes, and that no layout shows in.
#pragma once

#include <cstdint>
#include <string>

namespace phalanx {

// Of masters and moments of all ranks: sums modulo 2^64 over the tensors (model/ops/digest.h). Equal on every rank, and
// at every layout that holds the same state. Padding does not count. Weights follow from the masters.
struct StateDigest {
  std::uint64_t master = 0, m = 0, v = 0;

  friend bool operator==(const StateDigest&, const StateDigest&) = default;
};

// What a tensor's digest (model/ops/digest.h) is multiplied by in the sum: odd, and from the name alone, so that
// digests outlive a table in another order.
std::uint64_t digest_factor(const std::string& name);

// One number for all three.
std::uint64_t combined(const StateDigest& digest);

// A digest as 16 hexadecimal digits, and back; throws Error for any other text.
std::string digest_text(std::uint64_t digest);
std::uint64_t digest_from_text(const std::string& text);

}  // namespace phalanx
