#include "trainer/memory.h"

#include <fmt/format.h>

namespace phalanx {
namespace {

constexpr double kMiB = 1024.0 * 1024.0;

}  // namespace

Memory Memory::planning(Device device) {
  return {{"weights", device},
          {"gradients", device},
          {"optimizer", device},
          {"activations", device},
          {"workspace", device}};
}

Memory Memory::allocate(Device device, const Memory& planned) {
  const auto real = [&](const Arena& plan) { return Arena(plan.name(), device, plan.peak()); };
  return {real(planned.weights), real(planned.gradients), real(planned.optimizer), real(planned.activations),
          real(planned.workspace)};
}

std::vector<ArenaBytes> Memory::bytes() const {
  std::vector<ArenaBytes> list;
  for (const Arena* arena : {&weights, &gradients, &optimizer, &activations, &workspace}) {
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
