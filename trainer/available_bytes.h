// What is left of a device's memory.
#pragma once

#include <cstdint>

#include "core/tensor.h"

namespace phalanx {

// Of a GPU, what the driver says; on the CPU what the kernel says can be had without swapping, or a very large number
// where it does not tell.
std::int64_t available_bytes(Device device);

}  // namespace phalanx
