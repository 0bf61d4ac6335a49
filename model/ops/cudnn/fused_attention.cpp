// Fused attention by cuDNN: a handle and the plans of this process.
#include "model/ops/cuda/fused_attention.h"

#include <cuda_runtime_api.h>

#include <map>
#include <memory>
#include <mutex>

#include "core/cuda_check.h"
#include "model/ops/cudnn/attention_graph.h"
#include "model/ops/cudnn/plan.h"

namespace phalanx::ops::cuda {
namespace {

FusedSupport find_support(Device device) {
  int major = 0;
  int minor = 0;
  CUDA_OK(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device.index));
  CUDA_OK(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device.index));
  return {cudnn::library().why_not, 10 * major + minor};
}

// The library's handle belongs to the device that is current at the first call.
class Plans {
 public:
  Plans() { CUDNN_OK(cudnn::library().create(&handle_)); }
  Plans(const Plans&) = delete;
  Plans& operator=(const Plans&) = delete;

  [[nodiscard]] cudnnHandle_t handle() const { return handle_; }

  const cudnn::Plan& plan(const cudnn::AttentionKey& key) {
    const std::lock_guard lock(mutex_);
    std::unique_ptr<cudnn::Plan>& plan = plans_[key];
    if (!plan) {
      plan = std::make_unique<cudnn::Plan>(cudnn::Target{.handle = handle_}, cudnn::attention_graph(key),
                                           cudnn::describe(key));
    }
    return *plan;
  }

 private:
  cudnnHandle_t handle_ = nullptr;  // lives as long as the process, as the library does
  std::mutex mutex_;
  std::map<cudnn::AttentionKey, std::unique_ptr<cudnn::Plan>> plans_;
};

Plans& plans() {
  static Plans the_plans;
  return the_plans;
}

}  // namespace

const FusedSupport& fused_support(Device device) {
  static const FusedSupport support = find_support(device);  // a process computes on one device
  return support;
}

void run_fused_attention(const Exec& exec, const cudnn::AttentionKey& key, const cudnn::AttentionMemory& memory,
                         void* workspace, std::int64_t bytes) {
  const cudnn::Plan& plan = plans().plan(key);
  ENSURE(plan.workspace_bytes() <= bytes, "cuDNN asks for ", plan.workspace_bytes(), " bytes of workspace for the ",
         cudnn::describe(key), ", planned are ", bytes, " (PHALANX_ATTENTION=plain runs without)");
  CUDNN_OK(cudnn::library().set_stream(plans().handle(), static_cast<cudaStream_t>(exec.stream.handle)));
  plan.run(plans().handle(), memory, workspace);
}

}  // namespace phalanx::ops::cuda
