// Memory and copies, wherever it lives. Nothing above this header knows how a device allocates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

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
// Returns when all work of the stream is done.
void synchronize(Device device, const Stream& stream);

// The elements on the host, once what was enqueued before is done. Throws when T is not the dtype.
template <class T>
std::vector<T> to_host(const Tensor& tensor, const Stream& stream) {
  std::vector<T> values(static_cast<std::size_t>(tensor.count()));
  copy(host_tensor(values.data(), {tensor.count()}), tensor, stream);
  return values;
}

}  // namespace phalanx
