#include "trainer/device.h"

#include "core/cuda_module.h"
#include "core/device_backend.h"
#include "core/log.h"
#include "parallel/comm_nccl.h"
#include "parallel/comm_staged.h"
#include "trainer/agree.h"
#include "trainer/failure.h"

namespace phalanx {
namespace {

constexpr double kCollectiveSeconds = 600;  // until an operation between GPUs counts as hung, if nobody says otherwise

std::unique_ptr<Communicator> between_gpus(std::unique_ptr<Communicator> host, Device device,
                                           const config::Config& config, const Runtime& runtime) {
  if (host->size() == 1 || config.parallel.comm == "staged") return make_staged_communicator(std::move(host));
  if (cuda_module().make_nccl == nullptr) {
    throw UsageError(
        "parallel.comm is nccl and the CUDA module was built without NCCL; build it where nccl.h is, or take staged, "
        "which goes through host memory");
  }
  NcclOptions options;
  options.device = device.index;
  options.rank_order = config.run.reproducible != "none";
  options.timeout =
      config.run.hang_timeout.is_auto() ? kCollectiveSeconds : static_cast<double>(config.run.hang_timeout.value);
  options.on_failure = [&runtime](const std::string& what) {
    log::error(what);
    runtime.abort(static_cast<int>(Exit::failure));
  };
  return cuda_module().make_nccl(std::move(host), std::move(options));
}

}  // namespace

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

Runtime::Axes open_axes(const Runtime& runtime, const Grid& grid, Device device, const config::Config& config) {
  Runtime::Axes axes = runtime.split(grid);
  if (device.type == DeviceType::cpu) return axes;
  axes.data = between_gpus(std::move(axes.data), device, config, runtime);
  axes.tensor = between_gpus(std::move(axes.tensor), device, config, runtime);
  return axes;
}

}  // namespace phalanx
