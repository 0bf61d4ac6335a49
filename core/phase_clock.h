// PhaseClock: where the time of a step goes. One phase is current at any moment; entering another ends it.
#pragma once

#include <array>
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
    current_ = phase;
  }
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
    seconds_[static_cast<std::size_t>(current_)] += std::chrono::duration<double>(now - since_).count();
    since_ = now;
  }

  Phase current_ = Phase::data;
  Clock::time_point since_ = Clock::now();
  Seconds seconds_{};
};

}  // namespace phalanx
