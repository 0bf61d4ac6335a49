#include "trainer/watchdog/position.h"

#include <sstream>

#include "core/check.h"

namespace phalanx::watchdog {

bool Position::moved_since(const Position& before) const {
  return activity != before.activity || step != before.step || signs != before.signs || calls != before.calls ||
         group != before.group;
}

std::string to_line(const Position& p) {
  std::string line =
      str(static_cast<int>(p.activity), ' ', p.step, ' ', static_cast<int>(p.phase), ' ', p.signs, ' ', p.group);
  for (const std::int64_t calls : p.calls) line += str(' ', calls);
  return p.waits() ? str(line, ' ', p.operation) : line;
}

std::optional<Position> from_line(std::string_view line) {
  std::istringstream in{std::string(line)};
  Position p;
  int activity = 0;
  int phase = 0;
  in >> activity >> p.step >> phase >> p.signs >> p.group;
  for (std::int64_t& calls : p.calls) in >> calls;
  if (!in || activity < 0 || activity >= static_cast<int>(kActivityNames.size()) || phase < 0 ||
      phase >= static_cast<int>(kPhaseNames.size()) || p.group < -1 ||
      p.group >= static_cast<int>(kGroupNames.size())) {
    return std::nullopt;
  }
  if (p.waits()) in >> p.operation;
  p.activity = static_cast<Activity>(activity);
  p.phase = static_cast<Phase>(phase);
  return p;
}

std::string describe(const Position& p) {
  const auto activity = static_cast<std::size_t>(p.activity);
  std::string text =
      p.activity == Activity::step ? str("step ", p.step) : str(kActivityNames[activity], " after step ", p.step);
  if (p.waits()) {
    const auto group = static_cast<std::size_t>(p.group);
    return str(text, ", in ", p.operation, " of the ", kGroupNames[group], " group (call ", p.calls[group], ")");
  }
  return p.activity == Activity::step ? str(text, ", phase ", kPhaseNames[static_cast<std::size_t>(p.phase)]) : text;
}

}  // namespace phalanx::watchdog
