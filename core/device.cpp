#include "core/device.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>

namespace phalanx {
namespace {

constexpr std::int64_t kHugePage = std::int64_t{2} << 20;

void require_cpu(Device device) {
  ENSURE(device.type == DeviceType::cpu, "this build has no CUDA backend; set run.device to cpu");
}

}  // namespace

std::byte* allocate(Device device, std::int64_t bytes, std::int64_t alignment, std::string_view what) {
  require_cpu(device);
  const bool huge = bytes >= kHugePage;
  const std::int64_t align = huge ? kHugePage : alignment;
  const auto size = static_cast<std::size_t>((bytes + align - 1) / align * align);
  void* memory =
      std::aligned_alloc(static_cast<std::size_t>(align), size == 0 ? static_cast<std::size_t>(align) : size);
  ENSURE(memory != nullptr, "no memory for ", what, ": ", bytes, " bytes");
  if (huge) madvise(memory, size, MADV_HUGEPAGE);  // advice only: a refusal costs speed, not correctness
  std::memset(memory, 0, size);
  return static_cast<std::byte*>(memory);
}

void deallocate(Device device, std::byte* memory) {
  if (device.type == DeviceType::cpu) std::free(memory);
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
