// What rotary positions need of the workspace.
#pragma once

#include "core/arena.h"
#include "model/ops/rope.h"

namespace phalanx::ops {

// (longest, 2, HS / 2) fp32: cosines, then sines of each position.
inline Tensor take_rope_table(Scratch& scratch, const Rope& a) {
  return scratch.take({a.longest, 2, a.qkv.size(3) / 2}, DType::f32);
}

}  // namespace phalanx::ops
