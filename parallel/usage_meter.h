// UsageMeter: seconds, bytes and calls of each operation of a communicator.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "core/clock.h"
#include "parallel/communicator.h"

namespace phalanx {

class UsageMeter {
 public:
  enum class Operation : std::uint8_t {
    all_reduce,
    reduce_scatter,
    all_gather,
    all_to_all,
    sum_tree,
    broadcast,
    barrier,
    count
  };

  // Adds the time between its construction and its end to the operation.
  class Timer {
   public:
    Timer(UsageMeter& meter, Operation operation, std::int64_t bytes);
    ~Timer();
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

   private:
    UsageMeter& meter_;
    Communicator::Usage& usage_;
    Clock::time_point start_;
  };

  UsageMeter();
  // Any thread.
  [[nodiscard]] Communicator::Activity activity() const {
    return {operation_.load(std::memory_order_relaxed), calls_.load(std::memory_order_relaxed)};
  }
  [[nodiscard]] std::vector<Communicator::Usage> totals() const { return {usage_.begin(), usage_.end()}; }

 private:
  std::atomic<const char*> operation_{nullptr};
  std::atomic<std::int64_t> calls_{0};
  std::array<Communicator::Usage, static_cast<std::size_t>(Operation::count)> usage_;
};

}  // namespace phalanx
