// The emulated device's memory: pages that nothing may touch but what holds a DeviceAccess.
#pragma once

namespace phalanx::emulator {

class DeviceAccess {
 public:
  DeviceAccess();
  ~DeviceAccess();
  DeviceAccess(const DeviceAccess&) = delete;
  DeviceAccess& operator=(const DeviceAccess&) = delete;
};

}  // namespace phalanx::emulator
