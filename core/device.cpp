#include "core/device.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "core/cuda_module.h"
#include "core/device_backend.h"

namespace phalanx {
namespace {

constexpr std::int64_t kHugePage = std::int64_t{2} << 20;

bool on_cpu(Device device) { return device.type == DeviceType::cpu; }

std::size_t round_up(std::int64_t bytes, std::int64_t unit) {
  return static_cast<std::size_t>((bytes + unit - 1) / unit * unit);
}

// Host memory. Large blocks come from the kernel, zero already and touched only when they are used, in huge pages. The
// mapping is made one huge page longer, then both ends are given back.
std::byte* map_aligned(std::size_t size) {
  const auto page = static_cast<std::size_t>(kHugePage);
  void* raw = mmap(nullptr, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (raw == MAP_FAILED) return nullptr;
  auto* base = static_cast<std::byte*>(raw);
  const std::size_t head = (page - reinterpret_cast<std::uintptr_t>(base) % page) % page;
  if (head > 0) munmap(base, head);
  if (page - head > 0) munmap(base + head + size, page - head);
  madvise(base + head, size, MADV_HUGEPAGE);  // advice only: a refusal costs speed, not correctness
  return base + head;
}

std::byte* allocate_host(std::int64_t bytes, std::int64_t alignment) {
  if (bytes >= kHugePage) return map_aligned(round_up(bytes, kHugePage));
  const std::size_t size = std::max(round_up(bytes, alignment), static_cast<std::size_t>(alignment));
  auto* memory = static_cast<std::byte*>(std::aligned_alloc(static_cast<std::size_t>(alignment), size));
  if (memory != nullptr) std::memset(memory, 0, size);
  return memory;
}

}  // namespace

std::byte* allocate(Device device, std::int64_t bytes, std::int64_t alignment, std::string_view what) {
  std::byte* memory =
      on_cpu(device) ? allocate_host(bytes, alignment) : cuda_module().device->allocate(device.index, bytes);
  ENSURE(memory != nullptr, "no memory for ", what, ": ", bytes, " bytes");
  return memory;
}

void deallocate(Device device, std::byte* memory, std::int64_t bytes) {
  if (memory == nullptr) return;
  if (!on_cpu(device)) return cuda_module().device->deallocate(device.index, memory);
  if (bytes >= kHugePage) {
    munmap(memory, round_up(bytes, kHugePage));
  } else {
    std::free(memory);
  }
}

void copy(const Tensor& to, const Tensor& from, const Stream& stream) {
  ENSURE(to.dtype == from.dtype && to.count() == from.count(), "copy of ", to_string(from.shape), " ",
         name_of(from.dtype), " to ", to_string(to.shape), " ", name_of(to.dtype));
  if (to.count() == 0) return;
  if (on_cpu(to.device) && on_cpu(from.device)) {
    std::memcpy(to.data, from.data, static_cast<std::size_t>(to.bytes()));
  } else {
    cuda_module().device->copy(to.data, from.data, to.bytes(), stream);
  }
}

void fill_zero(const Tensor& tensor, const Stream& stream) {
  if (tensor.count() == 0) return;
  if (on_cpu(tensor.device)) {
    std::memset(tensor.data, 0, static_cast<std::size_t>(tensor.bytes()));
  } else {
    cuda_module().device->fill_zero(tensor.data, tensor.bytes(), stream);
  }
}

void synchronize(Device device, const Stream& stream) {
  if (!on_cpu(device)) cuda_module().device->synchronize(stream);
}

}  // namespace phalanx
