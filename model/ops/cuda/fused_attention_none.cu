// In place of cuDNN in builds without its headers.
#include "core/cuda_check.h"
#include "model/ops/cuda/fused_attention.h"

namespace phalanx::ops::cuda {

const FusedSupport& fused_support(Device /*device*/) {
  static const FusedSupport support{"this build was made without cuDNN's headers", 0};
  return support;
}

void run_fused_attention(const Exec& /*exec*/, const cudnn::AttentionKey& /*key*/,
                         const cudnn::AttentionMemory& /*memory*/, void* /*workspace*/, std::int64_t /*bytes*/) {
  FAIL_WITH("this build was made without cuDNN's headers");
}

}  // namespace phalanx::ops::cuda
