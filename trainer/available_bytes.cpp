#include "trainer/available_bytes.h"

#include <fstream>
#include <limits>
#include <string>

#include "core/cuda_module.h"
#include "core/device_backend.h"

namespace phalanx {

std::int64_t available_bytes(Device device) {
  if (device.type == DeviceType::cuda) return cuda_module().device->free_bytes(device.index);
  std::ifstream file("/proc/meminfo");
  std::string key;
  std::string unit;
  for (std::int64_t kib = 0; file >> key >> kib; std::getline(file, unit)) {
    if (key == "MemAvailable:") return kib * 1024;
  }
  return std::numeric_limits<std::int64_t>::max();
}

}  // namespace phalanx
