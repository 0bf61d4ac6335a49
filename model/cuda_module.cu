// What the CUDA module exports.
#include "core/cuda_module.h"

#include "core/device_cuda.h"
#include "model/ops/cuda/cuda_ops.h"
#include "parallel/comm_nccl.h"

extern "C" __attribute__((visibility("default"))) const phalanx::CudaModule* phalanx_cuda_module() {
  static const phalanx::CudaModule module{.device = &phalanx::cuda_devices(),
                                          .ops = &phalanx::ops::cuda::op_table(),
#ifdef PHALANX_NCCL
                                          .make_nccl = phalanx::make_nccl_communicator
#else
                                          .make_nccl = nullptr
#endif
  };
  return &module;
}
