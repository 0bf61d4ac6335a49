// What this process's cores, or its GPU, reach in a large matrix product: the stated peak of "model FLOP utilization".
#pragma once

#include "model/ops/exec.h"

namespace phalanx::ops {

// FLOP/s of the best of several large products of `dtype` with the current number of threads. Takes at most about a
// second and, for a moment, some 60 MB (GPU: 800 MB) outside the arenas; compute nothing else meanwhile.
double measure_gemm_peak(const Exec& exec, DType dtype);

}  // namespace phalanx::ops
