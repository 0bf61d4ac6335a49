// Rotary positions (Su et al., arXiv 2104.09864) on the queries and keys of packed QKV, in place. Channel i of the
// first half of a head turns with channel i + HS / 2, by the angle position * theta^(-2 i / HS):
//
//   x[i]        <- x[i] cos - x[i + HS/2] sin,   x[i + HS/2] <- x[i + HS/2] cos + x[i] sin
//
// Frequencies and angles are rounded to fp32 as in other programs, so that weights mean the same here and there.
#pragma once

#include "model/ops/exec.h"

namespace phalanx::ops {

enum class Turn : std::uint8_t { forward, backward };  // backward: by the negative angle, which is the transpose

struct Rope {
  Tensor qkv;                // (N, 3, NH, HS) in and out, HS even; V stays as it is
  Tensor positions;          // (N) int32, from 0
  std::int64_t longest = 0;  // positions are below it
  float theta = 10000.0F;
  Turn turn = Turn::forward;
};
void rope(const Exec& exec, const Rope& a);

}  // namespace phalanx::ops
