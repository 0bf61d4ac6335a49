// Attention on the GPU: fused by cuDNN where it can be, else by the plain kernels. The choice is made per call and
// direction; both leave the same lse, so forward and backward may differ.
#include <mutex>
#include <set>

#include "core/log.h"
#include "model/ops/attention_choice.h"
#include "model/ops/cuda/attention_ways.h"
#include "model/ops/cuda/cuda_ops.h"
#include "model/ops/cuda/fused_attention.h"

namespace phalanx::ops::cuda {
namespace {

// Once for each reason: the plain kernels are many times slower.
void warn(const AttentionQuestion& q, const AttentionChoice& choice) {
  if (q.use == AttentionUse::plain || q.dtype == DType::f32) return;
  static std::mutex mutex;
  static std::set<std::string> said;
  const std::lock_guard lock(mutex);
  if (!said.insert(choice.why).second) return;
  log::warning("attention", q.backward ? " (backward)" : "",
               " runs on plain kernels, which use no tensor cores: ", choice.why);
}

bool fused(const Exec& exec, const Tensor& qkv, const AttentionMask& mask, const Dropout& dropout, bool backward) {
  AttentionQuestion q = question_of(exec, qkv, mask, dropout, backward);
  const FusedSupport& support = fused_support(exec.device);
  q.missing = support.missing;
  q.capability = support.capability;
  const AttentionChoice choice = require_choice(q);
  if (!choice.fused) warn(q, choice);
  return choice.fused;
}

}  // namespace

void attention_forward(const Exec& exec, const AttentionForward& a) {
  const bool by_cudnn = fused(exec, a.qkv, a.mask, a.dropout, false);
  return by_cudnn ? attention_forward_fused(exec, a) : attention_forward_plain(exec, a);
}

void attention_backward(const Exec& exec, const AttentionBackward& a) {
  const bool by_cudnn = fused(exec, a.qkv, a.mask, a.dropout, true);
  return by_cudnn ? attention_backward_fused(exec, a) : attention_backward_plain(exec, a);
}

}  // namespace phalanx::ops::cuda
