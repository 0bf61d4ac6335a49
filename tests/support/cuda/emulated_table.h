// The CUDA ops, run on the host by the emulator, as a table that tests take beside those of the CPU. Matrix products
// are plain loops.
#pragma once

#include "model/ops/op_table.h"

namespace phalanx::testing {

const ops::OpTable& emulated_cuda_table();  // named "cuda_emulated"

// The tables of this processor, and the emulated one.
std::vector<const ops::OpTable*> every_table();

}  // namespace phalanx::testing
