// Memory and copies, wherever it lives. Nothing above this header knows how a device allocates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/tensor.h"

namespace phalanx {

// An in-order queue of device work. On CPU ranks there is none: calls return when the work is done.
struct Stream {
  void* handle = nullptr;
};

// `bytes` of zeroed memory at `alignment`; throws Error naming `what` when there is not enough.
std::byte* allocate(Device device, std::int64_t bytes, std::int64_t alignment, std::string_view what);
// `bytes` as given to allocate.
void deallocate(Device device, std::byte* memory, std::int64_t bytes);

// Count and dtype must be equal; either side may be host or device memory.
void copy(const Tensor& to, const Tensor& from, const Stream& stream);
void fill_zero(const Tensor& tensor, const Stream& stream);

}  // namespace phalanx
