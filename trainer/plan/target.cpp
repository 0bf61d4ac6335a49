#include "trainer/plan/target.h"

#include <array>

#include "core/check.h"
#include "trainer/available_bytes.h"

namespace phalanx::plan {
namespace {

constexpr double kGiB = 1024.0 * 1024.0 * 1024.0;
constexpr std::int64_t kMiB = std::int64_t{1} << 20;

struct Gpu {
  const char* name;
  const char* description;
  double gib;  // what the CUDA runtime reports as its total
};

// The data sheets of NVIDIA say 80 GB, 141 GB and 80 GB; programs see less than the chips hold, for ECC and the driver
// take their part. Totals as PyTorch prints them when memory runs out, of several the smallest: H100 SXM 79.11 GiB
// (vLLM issue 27508), H200 139.72, A100 80 GB 79.15 (public logs).
constexpr std::array kGpus = {
    Gpu{"h100", "NVIDIA H100 80 GB", 79.1},
    Gpu{"h200", "NVIDIA H200 141 GB", 139.7},
    Gpu{"a100", "NVIDIA A100 80 GB", 79.1},
};

constexpr std::int64_t kContextBytes = 1024 * kMiB;  // context, kernels, the product at start
constexpr std::int64_t kGroupBytes = 512 * kMiB;     // NCCL, for each axis of several ranks

}  // namespace

std::vector<std::string> target_names() {
  std::vector<std::string> names;
  names.reserve(kGpus.size() + 1);
  for (const Gpu& gpu : kGpus) names.emplace_back(gpu.name);
  names.emplace_back("cpu");
  return names;
}

Target find_target(const std::string& name, int ranks_per_host) {
  if (name == "cpu") return {name, "this host", Device{}, available_bytes(Device{}), ranks_per_host};
  for (const Gpu& gpu : kGpus) {
    if (name == gpu.name) {
      return {name, gpu.description, Device{DeviceType::cuda, 0}, static_cast<std::int64_t>(gpu.gib * kGiB), 1};
    }
  }
  throw UsageError(str("--device ", name, " is not known; h100, h200, a100 and cpu are"));
}

std::int64_t reserve_bytes(const Target& target, const Grid& grid) {
  if (target.device.type == DeviceType::cpu) return 0;
  return kContextBytes + (grid.data > 1 ? kGroupBytes : 0) + (grid.tensor > 1 ? kGroupBytes : 0);
}

}  // namespace phalanx::plan
