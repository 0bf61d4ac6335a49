// BatchTensors: a micro-batch where the network computes.
#pragma once

#include "core/batch.h"
#include "model/context.h"

namespace phalanx {

// Token ids, targets and positions of a micro-batch on the device.
struct BatchTensors {
  Tensor tokens, targets, positions;    // (N) int32
  Tensor document_begin, document_end;  // (B, T) int32
  Tensor sequences;                     // (B) int64
};
BatchTensors upload(const Context& ctx, const Batch& batch);

}  // namespace phalanx
