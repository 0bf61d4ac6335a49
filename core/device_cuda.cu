// Devices and their memory by the CUDA runtime.
#include "core/device_cuda.h"

#include <cuda_runtime.h>

#include "core/cuda_check.h"

namespace phalanx {
namespace {

constexpr double kGiB = 1024.0 * 1024.0 * 1024.0;

cudaStream_t handle_of(const Stream& stream) { return static_cast<cudaStream_t>(stream.handle); }

std::string version_text(int version) { return str(version / 1000, ".", version % 1000 / 10); }

class CudaDevices final : public DeviceBackend {
 public:
  [[nodiscard]] std::string unusable() const override {
    int devices = 0;
    const cudaError_t error = cudaGetDeviceCount(&devices);
    if (error == cudaSuccess && devices > 0) return {};
    int driver = 0;
    int runtime = 0;
    cudaDriverGetVersion(&driver);  // 0 where there is no driver
    cudaRuntimeGetVersion(&runtime);
    if (driver == 0) return str("this machine has no NVIDIA driver (CUDA ", version_text(runtime), " needs one)");
    if (error == cudaErrorInsufficientDriver) {
      return str("the driver supports CUDA ", version_text(driver), ", this build needs ", version_text(runtime),
                 ": update the driver");
    }
    return str("no GPU is visible: ", cudaGetErrorString(error), " (CUDA_VISIBLE_DEVICES?)");
  }

  [[nodiscard]] int count() const override {
    int devices = 0;
    CUDA_OK(cudaGetDeviceCount(&devices));
    return devices;
  }

  [[nodiscard]] std::string describe(int index) const override {
    cudaDeviceProp properties{};
    CUDA_OK(cudaGetDeviceProperties(&properties, index));
    const auto tenths = static_cast<std::int64_t>(static_cast<double>(properties.totalGlobalMem) / kGiB * 10.0);
    return str(properties.name, ", compute capability ", properties.major, ".", properties.minor, ", ", tenths / 10,
               ".", tenths % 10, " GiB");
  }

  [[nodiscard]] std::string identity(int index) const override {
    cudaDeviceProp properties{};
    CUDA_OK(cudaGetDeviceProperties(&properties, index));
    std::string text;
    for (const char byte : properties.uuid.bytes) text += str(static_cast<int>(static_cast<unsigned char>(byte)), ".");
    return text;
  }

  [[nodiscard]] int multiprocessors(int index) const override {
    cudaDeviceProp properties{};
    CUDA_OK(cudaGetDeviceProperties(&properties, index));
    return properties.multiProcessorCount;
  }

  [[nodiscard]] std::int64_t free_bytes(int index) const override {
    select(index);
    std::size_t free = 0;
    std::size_t total = 0;
    CUDA_OK(cudaMemGetInfo(&free, &total));
    return static_cast<std::int64_t>(free);
  }

  void select(int index) const override { CUDA_OK(cudaSetDevice(index)); }

  [[nodiscard]] std::byte* allocate(int index, std::int64_t bytes) const override {
    select(index);
    void* memory = nullptr;
    const auto size = static_cast<std::size_t>(bytes > 0 ? bytes : 1);
    const cudaError_t error = cudaMalloc(&memory, size);
    if (error == cudaErrorMemoryAllocation) {
      cudaGetLastError();  // it would be reported by the next launch
      return nullptr;
    }
    CUDA_OK(error);
    CUDA_OK(cudaMemset(memory, 0, size));
    return static_cast<std::byte*>(memory);
  }

  void deallocate(int /*index*/, std::byte* memory) const override { cudaFree(memory); }

  [[nodiscard]] std::byte* allocate_pinned(std::int64_t bytes) const override {
    void* memory = nullptr;
    if (cudaMallocHost(&memory, static_cast<std::size_t>(bytes > 0 ? bytes : 1)) == cudaSuccess) {
      return static_cast<std::byte*>(memory);
    }
    cudaGetLastError();  // it would be reported by the next launch
    return nullptr;
  }
  void deallocate_pinned(std::byte* memory) const override { cudaFreeHost(memory); }

  // From and to pageable memory the runtime copies before it returns.
  void copy(std::byte* to, const std::byte* from, std::int64_t bytes, const Stream& stream) const override {
    CUDA_OK(cudaMemcpyAsync(to, from, static_cast<std::size_t>(bytes), cudaMemcpyDefault, handle_of(stream)));
  }

  void fill_zero(std::byte* memory, std::int64_t bytes, const Stream& stream) const override {
    CUDA_OK(cudaMemsetAsync(memory, 0, static_cast<std::size_t>(bytes), handle_of(stream)));
  }

  void synchronize(const Stream& stream) const override { CUDA_OK(cudaStreamSynchronize(handle_of(stream))); }
};

}  // namespace

const DeviceBackend& cuda_devices() {
  static const CudaDevices devices;
  return devices;
}

}  // namespace phalanx
