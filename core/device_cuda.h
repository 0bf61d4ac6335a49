// The DeviceBackend of the CUDA module.
#pragma once

#include "core/device_backend.h"

namespace phalanx {

const DeviceBackend& cuda_devices();

}  // namespace phalanx
