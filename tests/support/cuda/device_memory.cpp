#include "tests/support/cuda/device_memory.h"

#include <sys/mman.h>

#include <cstdlib>
#include <map>

#include "tests/support/cuda/cuda_runtime.h"

namespace phalanx::emulator {
namespace {

constexpr std::size_t kDeviceBytes = std::size_t{1} << 32;  // one block larger than this is refused

std::map<void*, std::size_t>& blocks() {
  static std::map<void*, std::size_t> all;
  return all;
}
int holders = 0;

void protect(int protection) {
  for (const auto& [memory, bytes] : blocks()) {
    if (mprotect(memory, bytes, protection) != 0) std::abort();
  }
}

}  // namespace

DeviceAccess::DeviceAccess() {
  if (holders++ == 0) protect(PROT_READ | PROT_WRITE);
}
DeviceAccess::~DeviceAccess() {
  if (--holders == 0) protect(PROT_NONE);
}

}  // namespace phalanx::emulator

using phalanx::emulator::blocks;
using phalanx::emulator::DeviceAccess;

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) { return cudaDriverGetVersion(version); }
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int /*device*/) {
  *properties = {"emulated GPU", phalanx::emulator::kDeviceBytes, 9, 0};
  return cudaSuccess;
}
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  *free = *total = phalanx::emulator::kDeviceBytes;
  return cudaSuccess;
}

cudaError_t cudaMalloc(void** memory, std::size_t bytes) {
  if (bytes > phalanx::emulator::kDeviceBytes) return cudaErrorMemoryAllocation;
  void* block = mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block == MAP_FAILED) return cudaErrorMemoryAllocation;
  blocks()[block] = bytes;
  *memory = block;
  return cudaSuccess;
}
cudaError_t cudaFree(void* memory) {
  const auto found = blocks().find(memory);
  if (found == blocks().end()) return cudaSuccess;
  munmap(memory, found->second);
  blocks().erase(found);
  return cudaSuccess;
}
cudaError_t cudaMemset(void* memory, int value, std::size_t bytes) {
  const DeviceAccess access;
  std::memset(memory, value, bytes);
  return cudaSuccess;
}
cudaError_t cudaMemsetAsync(void* memory, int value, std::size_t bytes, cudaStream_t /*stream*/) {
  return cudaMemset(memory, value, bytes);
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind /*kind*/,
                            cudaStream_t /*stream*/) {
  const DeviceAccess access;
  std::memcpy(to, from, bytes);
  return cudaSuccess;
}
