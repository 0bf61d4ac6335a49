#include "trainer/memory.h"

#include <fmt/format.h>

#include "trainer/available_bytes.h"

namespace phalanx {
namespace {

constexpr double kMiB = 1024.0 * 1024.0;

}  // namespace

Memory Memory::planning(Device device) {
  return {{"weights", device},     {"gradients", device}, {"optimizer", device},
          {"activations", device}, {"workspace", device}, {"snapshot", Device{}}};
}

Memory Memory::allocate(Device device, const Memory& planned) {
  std::int64_t needed = 0;
  for (const ArenaBytes& arena : planned.bytes()) needed += arena.planned;
  if (device.type != DeviceType::cpu) needed -= planned.snapshot.peak();
  const std::int64_t available = available_bytes(device);
  if (needed > available) {
    throw UsageError(
        fmt::format("one rank needs {:.1f} MiB and this {} has {:.1f} MiB left; lower training.micro_batch, set "
                    "training.recompute, set checkpoint.asynchronous to false, or use more ranks with parallel.tensor "
                    "or parallel.shard_optimizer ({})",
                    static_cast<double>(needed) / kMiB, device.type == DeviceType::cuda ? "GPU" : "host",
                    static_cast<double>(available) / kMiB, describe(planned)));
  }
  const auto real = [&](const Arena& plan) { return Arena(plan.name(), plan.device(), plan.peak()); };
  return {real(planned.weights),     real(planned.gradients), real(planned.optimizer),
          real(planned.activations), real(planned.workspace), real(planned.snapshot)};
}

std::vector<ArenaBytes> Memory::bytes() const {
  std::vector<ArenaBytes> list;
  for (const Arena* arena : {&weights, &gradients, &optimizer, &activations, &workspace, &snapshot}) {
    if (arena == &snapshot && arena->peak() == 0 && arena->capacity() == 0) continue;
    list.push_back({arena->name(), arena->planning() ? arena->peak() : arena->capacity(), arena->peak()});
  }
  return list;
}

std::string describe(const Memory& memory) {
  std::string text = "memory of one rank:";
  double total = 0;
  for (const ArenaBytes& arena : memory.bytes()) {
    text += fmt::format(" {} {:.1f} MiB,", arena.name, static_cast<double>(arena.planned) / kMiB);
    total += static_cast<double>(arena.planned);
  }
  return text + fmt::format(" together {:.1f} MiB", total / kMiB);
}

}  // namespace phalanx
