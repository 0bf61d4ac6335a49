// Two checkpoints of one model, tensor by tensor. They may have any layouts.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "trainer/checkpoint/checkpoint.h"

namespace phalanx::checkpoint {

// One kind (masters, first or second moments) of one tensor.
struct KindDifference {
  std::int64_t differing = 0;  // elements whose bits differ
  double largest = 0;          // of their absolute differences; not finite where one cannot be told
};

struct TensorDifference {
  std::string name;
  Shape shape;
  std::array<KindDifference, 3> kinds;  // in the order of kKinds; zero where it was not compared

  [[nodiscard]] bool equal() const;
};

struct Comparison {
  std::vector<TensorDifference> tensors;  // in the order of a's table
  bool moments = true;                    // they were compared, since both hold them
  StateDigest a, b;                       // of what was read; m and v are 0 where they were not compared

  [[nodiscard]] bool equal() const;  // every element of every tensor
};

// Reads every value that both hold, against its checksum; memory: one tensor of each. Throws UsageError naming the
// first tensor that one of them lacks or has in another shape.
Comparison compare(const Manifest& a, const Manifest& b);

}  // namespace phalanx::checkpoint
