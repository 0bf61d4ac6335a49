// Exec: where an op runs. Ops check their arguments at the door, then call the backend's table.
//
// dtypes: a tensor whose comment names none has the compute dtype, fp32 or bf16, the same for all of an op.
// Write rule: gradients of parameters accumulate, gradients of activations overwrite. An op that can do both says
// which.
#pragma once

#include <cstdint>

#include "core/arena.h"
#include "core/device.h"
#include "core/random.h"

namespace phalanx::ops {

struct OpTable;  // model/ops/op_table.h: one function per op, filled by each backend

enum class Write : std::uint8_t { accumulate, overwrite };

struct Exec {
  Device device;
  Stream stream;
  Arena* workspace = nullptr;      // scratch of a single op; empty between ops
  const OpTable* table = nullptr;  // backend; null while planning
  bool deterministic = true;       // false: sums may be added in any order (run.reproducible: none)
  // While planning, ops check shapes and take their workspace, and compute nothing.
  [[nodiscard]] bool planning() const { return workspace->planning(); }
};

// Dropout of elements keyed by (seed, purpose, layer, sequence; index). rate 0: none.
struct Dropout {
  float rate = 0.0F;
  std::uint64_t seed = 0;
  Purpose purpose{};
  std::uint16_t layer = 0;
  Tensor sequences;  // (B) int64: ordinals of the sequences in the run
};

}  // namespace phalanx::ops
