#include "trainer/disk_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "core/check.h"

namespace phalanx {
namespace {

constexpr std::int64_t kBytesPerParameter = 3 * sizeof(float);  // master and two moments
constexpr std::int64_t kFixedBytes = std::int64_t{1} << 20;     // manifest, configuration, structure of files

std::string text_of(std::int64_t bytes) {
  const auto value = static_cast<double>(bytes);
  return value < 1e9 ? fmt::format("{:.1f} MB", value / 1e6) : fmt::format("{:.2f} GB", value / 1e9);
}

// Multiples of `every` in (from, to].
std::int64_t multiples(std::int64_t every, std::int64_t from, std::int64_t to) {
  return every > 0 && to > from ? to / every - from / every : 0;
}

}  // namespace

DiskPlan plan_disk(const config::Config& config, std::int64_t parameters, std::int64_t step, std::int64_t existing,
                   std::int64_t free_bytes) {
  const config::Checkpoint& c = config.checkpoint;
  const std::int64_t steps = config.training.steps;
  const bool last_is_extra = c.every == 0 || steps % c.every != 0;
  const std::int64_t saves = multiples(c.every, step, steps) + (last_is_extra ? 1 : 0);
  const std::int64_t kept_for_ever =
      c.every > 0 && c.keep_every > 0 ? multiples(std::lcm(c.every, c.keep_every), step, steps) : 0;
  const std::int64_t at_once = c.keep + 1 - std::min(existing, c.keep) + kept_for_ever;
  return {parameters * kBytesPerParameter + kFixedBytes, std::min(saves, at_once), free_bytes};
}

std::string describe_or_refuse(const DiskPlan& plan, const config::Config& config) {
  if (plan.free_bytes >= 0 && plan.free_bytes < plan.checkpoint_bytes) {
    throw UsageError(str("a checkpoint of this model takes ", text_of(plan.checkpoint_bytes), ", and run.output (",
                         config.run.output, ") has ", text_of(plan.free_bytes),
                         " free; choose another run.output or make room"));
  }
  return str("checkpoints of ", text_of(plan.checkpoint_bytes), ": ", plan.more, " more at once, ",
             text_of(plan.needed_bytes()),
             plan.free_bytes >= 0 ? str(" of ", text_of(plan.free_bytes), " that are free") : std::string());
}

std::string warning_of(const DiskPlan& plan, const config::Config& config) {
  if (plan.free_bytes < 0 || plan.needed_bytes() <= plan.free_bytes) return "";
  return str("this run will need ", text_of(plan.needed_bytes()), " for checkpoints, and run.output (",
             config.run.output, ") has ", text_of(plan.free_bytes), " free: saves will fail. Make room, or lower ",
             "checkpoint.keep (", config.checkpoint.keep, ")",
             config.checkpoint.keep_every > 0
                 ? str(" or raise checkpoint.keep_every (", config.checkpoint.keep_every, ")")
                 : std::string());
}

}  // namespace phalanx
