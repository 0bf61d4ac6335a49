// DeviceBackend: what the project needs of devices that are not the CPU. The CUDA module implements it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/device.h"

namespace phalanx {

class DeviceBackend {
 public:
  virtual ~DeviceBackend() = default;
  DeviceBackend() = default;
  DeviceBackend(const DeviceBackend&) = delete;
  DeviceBackend& operator=(const DeviceBackend&) = delete;

  // Why no device can be used, in words for users; empty: at least one can.
  [[nodiscard]] virtual std::string unusable() const = 0;
  [[nodiscard]] virtual int count() const = 0;
  [[nodiscard]] virtual std::string describe(int index) const = 0;  // "NVIDIA H200, compute capability 9.0, 139.8 GiB"
  // The same text for the same GPU in any process, another for any other GPU, on any host.
  [[nodiscard]] virtual std::string identity(int index) const = 0;
  [[nodiscard]] virtual int multiprocessors(int index) const = 0;
  [[nodiscard]] virtual std::int64_t free_bytes(int index) const = 0;
  // What the calling thread works on from now on.
  virtual void select(int index) const = 0;

  // Zeroed, aligned to 256 bytes; null when the device has not got so much.
  [[nodiscard]] virtual std::byte* allocate(int index, std::int64_t bytes) const = 0;
  virtual void deallocate(int index, std::byte* memory) const = 0;
  // Host memory that devices reach by themselves, so that copies are fast; null when there is not so much.
  [[nodiscard]] virtual std::byte* allocate_pinned(std::int64_t bytes) const = 0;
  virtual void deallocate_pinned(std::byte* memory) const = 0;
  // In the order of `stream`. Either side may be host memory: then it may be reused (read) when the call returns,
  // pinned memory once the stream has been waited for.
  virtual void copy(std::byte* to, const std::byte* from, std::int64_t bytes, const Stream& stream) const = 0;
  virtual void fill_zero(std::byte* memory, std::int64_t bytes, const Stream& stream) const = 0;
  // Returns when all work of `stream` is done.
  virtual void synchronize(const Stream& stream) const = 0;
};

}  // namespace phalanx
