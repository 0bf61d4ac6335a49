// The two implementations of attention on the GPU; attention_cuda.cu chooses.
#pragma once

#include "model/ops/attention.h"

namespace phalanx::ops::cuda {

void attention_forward_plain(const Exec& exec, const AttentionForward& a);
void attention_backward_plain(const Exec& exec, const AttentionBackward& a);
// Only where choose_attention (model/ops/attention_choice.h) says so.
void attention_forward_fused(const Exec& exec, const AttentionForward& a);
void attention_backward_fused(const Exec& exec, const AttentionBackward& a);

}  // namespace phalanx::ops::cuda
