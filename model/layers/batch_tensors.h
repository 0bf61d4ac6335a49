// BatchTensors: a micro-batch where the network computes.
#pragma once

#include "core/batch.h"
#include "model/context.h"
#include "model/ops/attention.h"

namespace phalanx {

// The fields of a Batch on the device; N = B * T. What the batch leaves empty is undefined.
struct BatchTensors {
  Tensor tokens, positions;             // (N) int32
  Tensor targets;                       // (B * P) int32
  Tensor slots;                         // (B * P) int32: rows of `tokens`
  Tensor document_begin, document_end;  // (B, T) int32
  ops::DocumentRuns runs;               // of documents; on GPUs only
  Tensor token_types;                   // (N) int32
  Tensor next_sentence;                 // (B) int32
  Tensor sequences;                     // (B) int64
};
BatchTensors upload(const Context& ctx, const Batch& batch);

}  // namespace phalanx
