#include "trainer/preflight/collectives.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/clock.h"
#include "trainer/agree.h"
#include "trainer/build.h"

namespace phalanx::preflight {
namespace {

constexpr std::int64_t kSmall = 256;                    // fp32 elements: 1 KiB, the time of a step's small sums
constexpr std::int64_t kLarge = std::int64_t{1} << 22;  // 16 MiB, as buckets of gradients
constexpr int kRepeats = 5;

struct Measured {
  double seconds = 0;      // median, of the slowest rank
  std::int64_t wrong = 0;  // elements, over all ranks and repeats
};

// Rank r brings r + 1 in every element: n (n + 1) / 2 must come out, exactly.
Measured all_reduce(Communicator& group, std::int64_t count) {
  std::vector<float> values(static_cast<std::size_t>(count));
  const auto n = static_cast<float>(group.size());
  const float expected = n * (n + 1) / 2;
  Measured measured;
  std::vector<double> seconds;
  for (int i = 0; i < kRepeats; ++i) {
    std::fill(values.begin(), values.end(), static_cast<float>(group.rank() + 1));
    group.barrier();
    const auto start = Clock::now();
    group.all_reduce(host_tensor(values.data(), {count}), Reduce::sum, {});
    seconds.push_back(seconds_since(start));
    measured.wrong += count - std::count(values.begin(), values.end(), expected);
  }
  std::nth_element(seconds.begin(), seconds.begin() + kRepeats / 2, seconds.end());
  measured.seconds = seconds[kRepeats / 2];
  return measured;
}

}  // namespace

std::vector<Finding> check_collectives(const config::Config& config, const Runtime& runtime) {
  const Runtime::Axes axes = runtime.split(grid_of(config, runtime.world_size()));
  std::vector<Finding> findings;
  for (Communicator* group : {&runtime.world(), axes.data.get(), axes.tensor.get()}) {
    if (group->size() == 1) continue;
    const Measured small = all_reduce(*group, kSmall);
    const Measured large = all_reduce(*group, kLarge);
    std::int64_t wrong = small.wrong + large.wrong;
    runtime.world().all_reduce(host_tensor(&wrong, {1}), Reduce::sum, {});
    double slowest[2] = {small.seconds, large.seconds};
    runtime.world().all_reduce(host_tensor(slowest, {2}), Reduce::max, {});
    const double bytes = static_cast<double>(kLarge) * sizeof(float);
    findings.push_back(
        {wrong == 0 ? Outcome::ok : Outcome::failure, str("collectives of the ", group->name(), " group"),
         wrong == 0 ? fmt::format("sums over {} ranks are right; 16 MiB at {:.2f} GB/s, 1 KiB in {:.1f} us",
                                  group->size(), bytes / slowest[1] * 1e-9, slowest[0] * 1e6)
                    : fmt::format("{} elements of sums over {} ranks are wrong: MPI, the network or memory is broken",
                                  wrong, group->size())});
  }
  return findings;
}

}  // namespace phalanx::preflight
