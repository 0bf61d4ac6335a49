#include "trainer/device.h"

#include "core/cuda_module.h"
#include "core/device_backend.h"
#include "parallel/comm_staged.h"
#include "trainer/agree.h"

namespace phalanx {

Device choose_device(const std::string& wanted, const Runtime& runtime) {
  if (wanted == "cpu") return {};
  if (wanted == "cuda") {
    on_every_rank(runtime.world(), [] {
      if (cuda_status().module == nullptr) {
        throw UsageError(str("run.device: cuda cannot be used: ", cuda_status().why_not, "; auto and cpu work"));
      }
    });
  }
  std::int64_t usable = cuda_status().module != nullptr ? 1 : 0;
  runtime.world().all_reduce(host_tensor(&usable, {1}), Reduce::min, {});
  if (usable == 0) return {};
  const Device device{DeviceType::cuda, runtime.local_rank() % cuda_module().device->count()};
  cuda_module().device->select(device.index);
  return device;
}

std::string describe(Device device, const std::string& wanted) {
  if (device.type == DeviceType::cuda) {
    return str("cuda ", device.index, " (", cuda_module().device->describe(device.index), ")");
  }
  if (wanted != "auto") return "cpu";
  const CudaStatus& status = cuda_status();
  return str("cpu (", status.module == nullptr ? status.why_not : "another rank has no GPU", ")");
}

Runtime::Axes open_axes(const Runtime& runtime, const Grid& grid, Device device) {
  Runtime::Axes axes = runtime.split(grid);
  if (device.type == DeviceType::cpu) return axes;
  return {make_staged_communicator(std::move(axes.data)), make_staged_communicator(std::move(axes.tensor))};
}

}  // namespace phalanx
