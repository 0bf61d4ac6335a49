#include "trainer/device.h"

#include <algorithm>
#include <utility>
#include <vector>

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

bool share_gpus(const Runtime& runtime, Device device) {
  std::vector<std::string> gpus = gather_texts(runtime.world(), cuda_module().device->identity(device.index));
  std::ranges::sort(gpus);
  return std::ranges::adjacent_find(gpus) != gpus.end();
}

// Whether parallel.comm, resolved, is NCCL.
bool takes_nccl(const std::string& wanted, const Runtime& runtime, Device device) {
  if (wanted != "auto") return wanted == "nccl";
  if (!share_gpus(runtime, device)) return true;
  if (runtime.world_rank() == 0) {
    log::info("ranks share a GPU, which NCCL refuses: they talk through host memory (parallel.comm: staged)");
  }
  return false;
}

NcclOptions nccl_options(Device device, const config::Run& run, const Runtime& runtime) {
  NcclOptions options;
  options.device = device.index;
  options.rank_order = run.reproducible != "none";
  options.timeout = run.hang_timeout.is_auto() ? kCollectiveSeconds : static_cast<double>(run.hang_timeout.value);
  options.on_failure = [&runtime](const std::string& what) {
    log::error(what);
    runtime.abort(static_cast<int>(Exit::failure));
  };
  return options;
}

std::unique_ptr<Communicator> over_nccl(std::unique_ptr<Communicator> host, const NcclOptions& options) {
  if (host->size() == 1) return make_staged_communicator(std::move(host));  // it only copies
  if (cuda_module().make_nccl == nullptr) {
    throw UsageError(
        "GPUs talk through NCCL, and the CUDA module was built without it: build it where nccl.h is, or set "
        "parallel.comm: staged, which goes through host memory");
  }
  return cuda_module().make_nccl(std::move(host), options);
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
  if (runtime.world_size() == 1 || !takes_nccl(config.parallel.comm, runtime, device)) {
    return {make_staged_communicator(std::move(axes.data)), make_staged_communicator(std::move(axes.tensor))};
  }
  const NcclOptions options = nccl_options(device, config.run, runtime);
  axes.data = over_nccl(std::move(axes.data), options);
  axes.tensor = over_nccl(std::move(axes.tensor), options);
  return axes;
}

}  // namespace phalanx
