#include "tests/support/cuda/device_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <map>

#include "tests/support/cuda/cuda_runtime.h"

namespace phalanx::emulator {
namespace {

constexpr std::size_t kDeviceBytes = std::size_t{1} << 32;  // one block larger than this is refused
constexpr std::size_t kHugePage = std::size_t{2} << 20;     // few pages, so that protecting them is cheap

std::size_t whole_pages(std::size_t bytes) { return (bytes + kHugePage - 1) / kHugePage * kHugePage; }

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
  *properties = {"emulated GPU", phalanx::emulator::kDeviceBytes, 9, 0, 1, {}};
  // All processes share one GPU, unless each shall have its own.
  const int owner = std::getenv("PHALANX_EMULATED_OWN_GPU") != nullptr ? getpid() : 0;
  std::memcpy(properties->uuid.bytes, &owner, sizeof owner);
  return cudaSuccess;
}
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  *free = *total = phalanx::emulator::kDeviceBytes;
  return cudaSuccess;
}

cudaError_t cudaMalloc(void** memory, std::size_t bytes) {
  if (bytes > phalanx::emulator::kDeviceBytes) return cudaErrorMemoryAllocation;
  const std::size_t size = phalanx::emulator::whole_pages(bytes);
  void* block = std::aligned_alloc(phalanx::emulator::kHugePage, size);
  if (block == nullptr) return cudaErrorMemoryAllocation;
  madvise(block, size, MADV_HUGEPAGE);
  mprotect(block, size, PROT_NONE);
  blocks()[block] = size;
  *memory = block;
  return cudaSuccess;
}
cudaError_t cudaFree(void* memory) {
  const auto found = blocks().find(memory);
  if (found == blocks().end()) return cudaSuccess;
  mprotect(memory, found->second, PROT_READ | PROT_WRITE);
  std::free(memory);
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
