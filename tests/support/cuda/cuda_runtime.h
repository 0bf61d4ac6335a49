// What the project's kernels use of CUDA, on the host: stands in for the toolkit's header of this name when tests
// compile the *_cuda.cu files with a C++ compiler. Blocks run one after the other; the threads of a block are fibres
// that switch at barriers and shuffles. Device memory is host memory, streams do nothing.
//
// Not covered: races inside a block between two barriers, orders of blocks, alignment faults, resource limits.
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <utility>

// NOLINTBEGIN(readability-identifier-naming,bugprone-reserved-identifier): the toolkit's names.
#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __shared__ static
#define __launch_bounds__(...)

struct dim3 {
  unsigned x = 1, y = 1, z = 1;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};

inline constexpr int warpSize = 32;
extern dim3 threadIdx, blockIdx, blockDim, gridDim;  // of the running fibre

using cudaStream_t = void*;
enum cudaError_t : int {
  cudaSuccess = 0,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInsufficientDriver = 35,
  cudaErrorNotReady = 600
};
inline const char* cudaGetErrorString(cudaError_t error) { return error == cudaSuccess ? "no error" : "out of memory"; }

namespace phalanx::emulator {

// Runs `thread` for every thread of every block. Throws Error when threads wait for each other forever.
void run(dim3 grid, dim3 block, const std::function<void()>& thread);

void wait_for_block();
// Every lane of the warp puts `value` (up to 8 bytes) where the others find it; returns that of lane `from`.
std::uint64_t exchange(std::uint64_t value, unsigned from);

template <class T>
T shuffle(T value, unsigned from) {
  static_assert(sizeof(T) <= sizeof(std::uint64_t));
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  bits = exchange(bits, from);
  std::memcpy(&value, &bits, sizeof(T));
  return value;
}

}  // namespace phalanx::emulator

inline void __syncthreads() { phalanx::emulator::wait_for_block(); }
template <class T>
T __shfl_xor_sync(unsigned /*mask*/, T value, int lanes) {
  return phalanx::emulator::shuffle(value, (threadIdx.x % warpSize) ^ static_cast<unsigned>(lanes));
}
template <class T>
T __shfl_sync(unsigned /*mask*/, T value, int lane) {
  return phalanx::emulator::shuffle(value, static_cast<unsigned>(lane));
}

inline void __syncwarp() { phalanx::emulator::exchange(0, threadIdx.x % warpSize); }

inline float __int_as_float(int bits) { return std::bit_cast<float>(bits); }
inline int __float_as_int(float value) { return std::bit_cast<int>(value); }
inline unsigned __float_as_uint(float value) { return std::bit_cast<unsigned>(value); }
inline float __uint_as_float(unsigned bits) { return std::bit_cast<float>(bits); }
inline double __dadd_rn(double a, double b) { return a + b; }
// One fibre runs at a time.
template <class T>
T atomicAdd(T* address, T value) {
  return std::exchange(*address, *address + value);
}
template <class T>
T atomicMax(T* address, T value) {
  return std::exchange(*address, *address > value ? *address : value);
}
inline float rsqrtf(float x) { return 1.0F / std::sqrt(x); }

struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  std::size_t dynamicSmemBytes = 0;
  cudaStream_t stream = nullptr;
  void* attrs = nullptr;
  unsigned numAttrs = 0;
};

template <class... P, class... A>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(P...), A&&... args) {
  phalanx::emulator::run(config->gridDim, config->blockDim, [&] { kernel(args...); });
  return cudaSuccess;
}

// One device, whose memory only kernels and copies can touch: host code that follows a device pointer is ended by
// SIGSEGV.
enum cudaMemcpyKind : int { cudaMemcpyDefault = 4 };
struct cudaUUID_t {
  char bytes[16];
};
struct cudaDeviceProp {
  char name[256];
  std::size_t totalGlobalMem;
  int major, minor;
  int multiProcessorCount;
  cudaUUID_t uuid;
};
inline cudaError_t cudaGetLastError() { return cudaSuccess; }
inline cudaError_t cudaSetDevice(int /*device*/) { return cudaSuccess; }
inline cudaError_t cudaStreamSynchronize(cudaStream_t /*stream*/) { return cudaSuccess; }
// Work is done when it is enqueued, so events have nothing to wait for: unless PHALANX_EMULATED_EVENTS_HANG is set.
using cudaEvent_t = void*;
inline constexpr unsigned cudaStreamNonBlocking = 1;
inline constexpr unsigned cudaEventDisableTiming = 2;
inline cudaError_t cudaEventCreate(cudaEvent_t* event) {
  *event = nullptr;
  return cudaSuccess;
}
inline cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t /*begin*/, cudaEvent_t /*end*/) {
  *milliseconds = 0;
  return cudaSuccess;
}
inline cudaError_t cudaDeviceGetStreamPriorityRange(int* lowest, int* highest) {
  *lowest = *highest = 0;
  return cudaSuccess;
}
inline cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned /*flags*/, int /*priority*/) {
  *stream = nullptr;
  return cudaSuccess;
}
inline cudaError_t cudaStreamDestroy(cudaStream_t /*stream*/) { return cudaSuccess; }
inline cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned /*flags*/) {
  *event = nullptr;
  return cudaSuccess;
}
inline cudaError_t cudaEventDestroy(cudaEvent_t /*event*/) { return cudaSuccess; }
inline cudaError_t cudaEventRecord(cudaEvent_t /*event*/, cudaStream_t /*stream*/) { return cudaSuccess; }
inline cudaError_t cudaStreamWaitEvent(cudaStream_t /*stream*/, cudaEvent_t /*event*/, unsigned /*flags*/) {
  return cudaSuccess;
}
inline cudaError_t cudaEventQuery(cudaEvent_t /*event*/) {
  return std::getenv("PHALANX_EMULATED_EVENTS_HANG") != nullptr ? cudaErrorNotReady : cudaSuccess;
}
cudaError_t cudaGetDeviceCount(int* count);
cudaError_t cudaDriverGetVersion(int* version);
cudaError_t cudaRuntimeGetVersion(int* version);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device);
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total);
cudaError_t cudaMalloc(void** memory, std::size_t bytes);
cudaError_t cudaFree(void* memory);
inline cudaError_t cudaMallocHost(void** memory, std::size_t bytes) {
  *memory = std::malloc(bytes);
  return *memory != nullptr ? cudaSuccess : cudaErrorMemoryAllocation;
}
inline cudaError_t cudaFreeHost(void* memory) {
  std::free(memory);
  return cudaSuccess;
}
cudaError_t cudaMemset(void* memory, int value, std::size_t bytes);
cudaError_t cudaMemsetAsync(void* memory, int value, std::size_t bytes, cudaStream_t stream);
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream);
// NOLINTEND(readability-identifier-naming,bugprone-reserved-identifier)
