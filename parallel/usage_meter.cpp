#include "parallel/usage_meter.h"

namespace phalanx {

UsageMeter::UsageMeter() {
  static constexpr std::array<const char*, static_cast<std::size_t>(Operation::count)> kNames = {
      "all_reduce", "reduce_scatter", "all_gather", "all_to_all", "sum_tree", "broadcast", "barrier"};
  for (std::size_t i = 0; i < kNames.size(); ++i) usage_[i] = {kNames[i]};
}

UsageMeter::Timer::Timer(UsageMeter& meter, Operation operation, std::int64_t bytes)
    : meter_(meter), usage_(meter.usage_[static_cast<std::size_t>(operation)]), start_(Clock::now()) {
  meter_.calls_.store(meter_.calls_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  meter_.operation_.store(usage_.operation, std::memory_order_relaxed);
  usage_.bytes += bytes;
  ++usage_.calls;
}

UsageMeter::Timer::~Timer() {
  usage_.seconds += seconds_since(start_);
  meter_.operation_.store(nullptr, std::memory_order_relaxed);
}

}  // namespace phalanx
