#include "trainer/metrics/page/step_bins.h"

#include <algorithm>
#include <cmath>

namespace phalanx {
namespace {

void merge_into(StepBins::Bin& bin, const StepBins::Bin& later) {
  bin.last_step = later.last_step;
  bin.time = later.time;
  bin.tokens = later.tokens;
  for (std::size_t s = 0; s < bin.series.size(); ++s) bin.series[s].add(later.series[s]);
}

}  // namespace

void Spread::add(double value) {
  if (!std::isfinite(value)) return;
  ++count;
  sum += value;
  min = std::min(min, value);
  max = std::max(max, value);
}

void Spread::add(const Spread& other) {
  count += other.count;
  sum += other.sum;
  min = std::min(min, other.min);
  max = std::max(max, other.max);
}

double Spread::mean() const {
  return count > 0 ? sum / static_cast<double>(count) : std::numeric_limits<double>::quiet_NaN();
}

bool StepBins::add(const StepSample& sample) {
  Bin bin{.first_step = sample.step, .last_step = sample.step, .time = sample.time, .tokens = sample.tokens};
  for (std::size_t s = 0; s < bin.series.size(); ++s) bin.series[s].add(sample.values[s]);
  if (!bins_.empty() && (bins_.back().last_step - 1) / width_ == (sample.step - 1) / width_) {
    merge_into(bins_.back(), bin);
    return false;
  }
  bins_.push_back(bin);
  if (bins_.size() <= kMost) return false;
  while (bins_.size() > kMost) widen();
  return true;
}

void StepBins::widen() {
  width_ *= 2;
  std::size_t kept = 0;
  for (std::size_t b = 1; b < bins_.size(); ++b) {
    if ((bins_[kept].last_step - 1) / width_ == (bins_[b].last_step - 1) / width_) {
      merge_into(bins_[kept], bins_[b]);
    } else {
      bins_[++kept] = bins_[b];
    }
  }
  bins_.resize(kept + 1);
}

}  // namespace phalanx
