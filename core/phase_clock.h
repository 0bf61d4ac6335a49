// PhaseClock: where the time of a step goes. One phase is current at any moment; entering another ends it. Its thread
// writes; any thread may ask for the phase and for signs of life.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/clock.h"

namespace phalanx {

enum class Phase : std::uint8_t { data, forward, backward, reduce, optimizer };
inline constexpr std::array<const char*, 5> kPhaseNames = {"data", "forward", "backward", "reduce", "optimizer"};

class PhaseClock {
 public:
  using Seconds = std::array<double, kPhaseNames.size()>;

  void enter(Phase phase) {
    charge();
    current_.store(phase, std::memory_order_relaxed);
    sign_of_life();
  }
  // Work goes on, though in the same phase.
  void sign_of_life() { signs_.store(signs_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed); }

  [[nodiscard]] Phase current() const { return current_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t signs_of_life() const { return signs_.load(std::memory_order_relaxed); }

  // Seconds per phase since the last call; the current phase goes on.
  Seconds take() {
    charge();
    const Seconds taken = seconds_;
    seconds_.fill(0);
    return taken;
  }

 private:
  void charge() {
    const auto now = Clock::now();
    seconds_[static_cast<std::size_t>(current())] += std::chrono::duration<double>(now - since_).count();
    since_ = now;
  }

  std::atomic<Phase> current_{Phase::data};
  std::atomic<std::int64_t> signs_{0};
  Clock::time_point since_ = Clock::now();
  Seconds seconds_{};
};

}  // namespace phalanx
