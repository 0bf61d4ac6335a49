#include "core/device.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace phalanx {
namespace {

constexpr std::int64_t kHugePage = std::int64_t{2} << 20;

void require_cpu(Device device) {
  ENSURE(device.type == DeviceType::cpu, "this build has no CUDA backend; set run.device to cpu");
}

std::size_t round_up(std::int64_t bytes, std::int64_t unit) {
  return static_cast<std::size_t>((bytes + unit - 1) / unit * unit);
}

// Large blocks come from the kernel, zero already and touched only when they are used, in huge pages. The mapping is
// made one huge page longer, then both ends are given back.
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

}  // namespace

std::byte* allocate(Device device, std::int64_t bytes, std::int64_t alignment, std::string_view what) {
  require_cpu(device);
  std::byte* memory = nullptr;
  if (bytes >= kHugePage) {
    memory = map_aligned(round_up(bytes, kHugePage));
  } else {
    const std::size_t size = std::max(round_up(bytes, alignment), static_cast<std::size_t>(alignment));
    memory = static_cast<std::byte*>(std::aligned_alloc(static_cast<std::size_t>(alignment), size));
    if (memory != nullptr) std::memset(memory, 0, size);
  }
  ENSURE(memory != nullptr, "no memory for ", what, ": ", bytes, " bytes");
  return memory;
}

void deallocate(Device device, std::byte* memory, std::int64_t bytes) {
  if (device.type != DeviceType::cpu || memory == nullptr) return;
  if (bytes >= kHugePage) {
    munmap(memory, round_up(bytes, kHugePage));
  } else {
    std::free(memory);
  }
}

void copy(const Tensor& to, const Tensor& from, const Stream& /*stream*/) {
  require_cpu(to.device);
  require_cpu(from.device);
  ENSURE(to.dtype == from.dtype && to.count() == from.count(), "copy of ", to_string(from.shape), " ",
         name_of(from.dtype), " to ", to_string(to.shape), " ", name_of(to.dtype));
  if (to.count() > 0) std::memcpy(to.data, from.data, static_cast<std::size_t>(to.bytes()));
}

void fill_zero(const Tensor& tensor, const Stream& /*stream*/) {
  require_cpu(tensor.device);
  if (tensor.count() > 0) std::memset(tensor.data, 0, static_cast<std::size_t>(tensor.bytes()));
}

}  // namespace phalanx
