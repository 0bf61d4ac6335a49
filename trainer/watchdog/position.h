// Where a rank is: what its main thread does, written as one line of text for the wire.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/phase_clock.h"

namespace phalanx::watchdog {

enum class Activity : std::uint8_t { start, step, evaluation, checkpoint, end };
inline constexpr std::array<const char*, 5> kActivityNames = {"start", "step", "evaluation", "checkpoint", "end"};

// The groups of ranks that a rank talks to.
inline constexpr std::array<const char*, 3> kGroupNames = {"world", "data", "tensor"};

struct Position {
  Activity activity = Activity::start;
  std::int64_t step = 0;  // that is being made, or was made last
  Phase phase = Phase::data;
  std::int64_t signs = 0;  // of life: grows whenever the rank gets on
  int group = -1;          // index in kGroupNames of the collective that it is in; -1: in none
  std::string operation;   // of that collective: "all_reduce"
  std::array<std::int64_t, kGroupNames.size()> calls{};  // collectives entered, by group

  [[nodiscard]] bool waits() const { return group >= 0; }
  // It got on since `before`.
  [[nodiscard]] bool moved_since(const Position& before) const;
};

std::string to_line(const Position& position);
std::optional<Position> from_line(std::string_view line);  // nullopt: it is none

// "step 12, phase forward", "step 12, all_reduce of the world group (its 40th there)".
std::string describe(const Position& position);

}  // namespace phalanx::watchdog
