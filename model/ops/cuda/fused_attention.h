// What runs a fused attention on this process's GPU: cuDNN, or in tests plain loops on the same buffers.
#pragma once

#include <string>

#include "model/ops/cudnn/attention_key.h"
#include "model/ops/exec.h"

namespace phalanx::ops::cuda {

struct FusedSupport {
  std::string missing;  // why cuDNN cannot be used; empty: it can
  int capability = 0;   // of the GPU: 90 for 9.0
};
const FusedSupport& fused_support(Device device);

// Enqueues on exec.stream. Compiles at the first call of a key, about a second. `workspace` has `bytes` bytes; throws
// Error naming the key when cuDNN has no plan or asks for more.
void run_fused_attention(const Exec& exec, const cudnn::AttentionKey& key, const cudnn::AttentionMemory& memory,
                         void* workspace, std::int64_t bytes);

}  // namespace phalanx::ops::cuda
