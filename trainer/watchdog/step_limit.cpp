#include "trainer/watchdog/step_limit.h"

#include <algorithm>

#include "core/check.h"

namespace phalanx::watchdog {
namespace {

constexpr std::size_t kRemembered = 101;  // steps: their median follows a run whose steps grow

}  // namespace

void StepLimit::add_step(double seconds) {
  if (recent_.size() < kRemembered) {
    recent_.push_back(seconds);
  } else {
    recent_[next_] = seconds;
    next_ = (next_ + 1) % kRemembered;
  }
}

double StepLimit::median() const {
  std::vector<double> sorted = recent_;
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  return *middle;
}

std::optional<double> StepLimit::seconds() const {
  if (configured_) return configured_;
  if (recent_.size() < kEnough) return std::nullopt;
  return std::max(kLeast, kFactor * median());
}

std::string StepLimit::origin() const {
  if (configured_) return "run.hang_timeout";
  if (recent_.size() < kEnough) return "no step is known yet; run.hang_timeout sets a limit";
  return str("the larger of ", kLeast, " s and ", kFactor, " x the median step of ", median(),
             " s; run.hang_timeout sets another");
}

}  // namespace phalanx::watchdog
