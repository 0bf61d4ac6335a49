// StepLimit: how long a step may take before it counts as hanging: as configured, or learned from the steps so far.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace phalanx::watchdog {

class StepLimit {
 public:
  static constexpr double kLeast = 60.0;     // seconds, of a learned limit
  static constexpr double kFactor = 20.0;    // of the median step
  static constexpr double kUnlearned = 600;  // seconds without a sign of life, before enough steps are known
  static constexpr std::size_t kEnough = 3;  // steps

  explicit StepLimit(std::optional<double> configured) : configured_(configured) {}

  void add_step(double seconds);
  // Nothing while too few steps are known.
  [[nodiscard]] std::optional<double> seconds() const;
  // Where it comes from: "run.hang_timeout", "20 x the median step of 1.5 s; run.hang_timeout sets another".
  [[nodiscard]] std::string origin() const;

 private:
  [[nodiscard]] double median() const;

  std::optional<double> configured_;
  std::vector<double> recent_;  // a ring of the last steps
  std::size_t next_ = 0;
};

}  // namespace phalanx::watchdog
