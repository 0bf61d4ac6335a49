// Cross entropy over a vocabulary that may be spread over shards: each part gives three numbers per row, the parts
// are combined in shard order, then the gradient overwrites the logits.
//
//   loss[n] = log(sum_v exp(z[n,v])) - z[n, target[n]],   dz[n,v] = (softmax(z[n])[v] - [v == target]) * scale
//
// Columns at or beyond `valid` (vocabulary padding) count as -inf; their gradient is zero. Ignored rows (target < 0):
// loss 0, gradient 0.
#pragma once

#include "model/ops/exec.h"

namespace phalanx::ops {

struct CrossEntropyStats {
  Tensor stats;    // (N, 3) fp32 out: max, sum of exp(z - max), z[target] or -inf when the target lies elsewhere
  Tensor logits;   // (N, V_s)
  Tensor targets;  // (N) int32, global ids; negative: ignored
  std::int64_t vocabulary_begin = 0;  // global id of column 0
  std::int64_t valid = 0;             // true columns of this part
};
void cross_entropy_stats(const Exec& exec, const CrossEntropyStats& a);

struct CrossEntropyCombine {
  Tensor lse;       // (N) fp32 out
  Tensor losses;    // (N) fp32 out, 0 where ignored
  Tensor loss_sum;  // (1) fp64, accumulated: rows in order, in fp64
  Tensor correct;   // (1) fp64, accumulated: rows whose target has the largest logit; may be undefined
  Tensor stats;     // (S, N, 3) fp32: parts in shard order
  Tensor targets;   // (N) int32
};
void cross_entropy_combine(const Exec& exec, const CrossEntropyCombine& a);

struct CrossEntropyBackward {
  Tensor logits;   // (N, V_s) in: logits; out: their gradient
  Tensor lse;      // (N) fp32
  Tensor targets;  // (N) int32
  std::int64_t vocabulary_begin = 0;
  std::int64_t valid = 0;
  float scale = 1.0F;  // 1 / global number of predicted tokens (times the loss scale)
};
void cross_entropy_backward(const Exec& exec, const CrossEntropyBackward& a);

}  // namespace phalanx::ops
