// Rows picked out of a matrix, and their gradients put back.
#pragma once

#include "model/ops/exec.h"

namespace phalanx::ops {

struct GatherRows {
  Tensor y;     // (R, C) out: y[r] = x[rows[r]]
  Tensor x;     // (N, C)
  Tensor rows;  // (R) int32; negative: y[r] is zero. Undefined: the first rows of R equal parts of x, r * N / R
};
void gather_rows(const Exec& exec, const GatherRows& a);

struct ScatterRows {
  Tensor dx;                       // (N, C): dx[rows[r]] += dy[r], in the order of r: deterministic
  Tensor dy;                       // (R, C)
  Tensor rows;                     // as in GatherRows
  Write write = Write::overwrite;  // of dx; overwrite: it is zero before
};
void scatter_rows(const Exec& exec, const ScatterRows& a);

}  // namespace phalanx::ops
