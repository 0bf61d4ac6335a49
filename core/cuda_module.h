// CudaModule: the CUDA backend, a shared object that is opened at run time. So one build serves machines with and
// without a GPU, and nothing outside of *_cuda.* files links with CUDA.
#pragma once

#include <memory>
#include <string>

namespace phalanx {

class Communicator;
class DeviceBackend;
struct NcclOptions;
namespace ops {
struct OpTable;
}

struct CudaModule {
  static constexpr int kVersion = 2;  // of this struct and what it points to
  int version = kVersion;
  const DeviceBackend* device = nullptr;
  const ops::OpTable* ops = nullptr;
  // make_nccl_communicator (parallel/comm_nccl.h); null: built without NCCL.
  std::unique_ptr<Communicator> (*make_nccl)(std::unique_ptr<Communicator> host, NcclOptions options) = nullptr;
};

// What the module exports, under this name.
inline constexpr const char* kCudaModuleFunction = "phalanx_cuda_module";
using CudaModuleFunction = const CudaModule* (*)();

struct CudaStatus {
  const CudaModule* module = nullptr;  // null: no device can be used,
  std::string why_not;                 // for this reason
};

// Looks for the module at the first call: the file that PHALANX_CUDA_MODULE names, else libphalanx_cuda.so beside the
// program or in ../lib/phalanx from there. Never throws for a missing one.
const CudaStatus& cuda_status();

// The module; throws UsageError with the reason when no device can be used.
const CudaModule& cuda_module();

}  // namespace phalanx
