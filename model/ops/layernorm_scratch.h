// Scratch of the backward of norms: lines of the sums over rows that it makes. Planning and running take it here.
#pragma once

#include "model/ops/partial_sums.h"

namespace phalanx::ops {

// x (N, C): dgamma, dbeta.
inline Tensor take_norm_sums(Scratch& scratch, const Tensor& x) {
  return take_partial_sums(scratch, x.size(0), 2, x.size(1));
}

// x (N, C): dgamma, dbeta, dbias.
inline Tensor take_residual_norm_sums(Scratch& scratch, const Tensor& x) {
  return take_partial_sums(scratch, x.size(0), 3, x.size(1));
}

}  // namespace phalanx::ops
