// StepBins: the steps of a run in a bounded number of bins, so that a run of a million steps draws like one of a
// hundred.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace phalanx {

// What is kept of every step; phases of the step stand last, as in core/phase_clock.h.
inline constexpr std::array<const char*, 11> kSeriesNames = {
    "loss", "gradient_norm", "tokens_per_second", "step_seconds", "learning_rate", "model_flops_utilization_ratio",
    "data", "forward",       "backward",          "reduce",       "optimizer"};
inline constexpr std::size_t kFirstPhase = 6;
inline constexpr std::size_t kSpreadSeries = 4;  // the first ones, of which the page shows minimum and maximum too

struct StepSample {
  std::int64_t step = 0;
  double time = 0;  // Unix seconds
  double tokens = 0;
  std::array<double, kSeriesNames.size()> values{};  // not a number where the record has none
};

// Of the finite values that were added.
struct Spread {
  void add(double value);
  void add(const Spread& other);
  [[nodiscard]] double mean() const;  // not a number when there is none

  std::int64_t count = 0;
  double sum = 0;
  double min = std::numeric_limits<double>::infinity();
  double max = -std::numeric_limits<double>::infinity();
};

class StepBins {
 public:
  static constexpr std::size_t kMost = 1000;

  struct Bin {
    std::int64_t first_step = 0, last_step = 0;
    double time = 0, tokens = 0;  // of last_step
    std::array<Spread, kSeriesNames.size()> series{};
  };

  // Steps come in rising order. True when bins were merged, so that what was read by position must be read again.
  bool add(const StepSample& sample);

  // Every bin covers the steps (i * width, (i + 1) * width] of one i; at most kMost bins. At width 1 a bin is a step.
  [[nodiscard]] const std::vector<Bin>& bins() const { return bins_; }
  [[nodiscard]] std::int64_t width() const { return width_; }

 private:
  void widen();

  std::vector<Bin> bins_;
  std::int64_t width_ = 1;  // a power of two
};

}  // namespace phalanx
