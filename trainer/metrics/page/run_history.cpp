#include "trainer/metrics/page/run_history.h"

#include <cmath>
#include <limits>

#include "core/check.h"

namespace phalanx {
namespace {

constexpr std::size_t kRanksAveraged = 16;
constexpr std::size_t kStepsTimed = 64;

}  // namespace

void RunHistory::add(const RunRecord& record) {
  if (empty() && !record.begins) throw Error("a run event must come first");
  if (!empty() && record.begins) throw Error("a second run event");
  if (record.begins) started_ = record.time;
  if (record.info) {
    info_ = record.info;
    ++facts_told_;
  }
  if (record.step) add_step(*record.step);
  if (!record.mark) return;
  if (record.mark->kind == MarkKind::resume) begin_process();
  if (marks_.add(*record.mark)) ++generation_;
}

void RunHistory::add_step(const StepRecord& step) {
  const StepSample& sample = step.sample;
  if (last_ && sample.step <= last_->step) throw Error(str("step ", sample.step, " comes after step ", last_->step));
  if (bins_.add(sample)) ++generation_;
  last_ = sample;
  if (!step.digest.empty()) digest_ = {sample.step, step.digest};
  if (!step.memory.empty()) memory_ = step.memory;
  if (!step.digest.empty() || !step.memory.empty()) ++facts_told_;
  if (!step.rank_step_seconds.empty()) {
    if (!ranks_.empty() && ranks_.back().size() != step.rank_step_seconds.size()) ranks_.clear();
    ranks_.push_back(step.rank_step_seconds);
    if (ranks_.size() > kRanksAveraged) ranks_.pop_front();
    ++ranks_told_;
  }
  recent_.emplace_back(sample.step, sample.time);
  if (recent_.size() > kStepsTimed) recent_.pop_front();
}

// What was measured before says nothing of the ranks and the speed of another process.
void RunHistory::begin_process() {
  ranks_.clear();
  recent_.clear();
}

std::vector<double> RunHistory::rank_step_seconds() const {
  if (ranks_.empty()) return {};
  std::vector<double> means(ranks_.back().size());
  for (const std::vector<double>& seconds : ranks_) {
    for (std::size_t r = 0; r < means.size(); ++r) means[r] += seconds[r] / static_cast<double>(ranks_.size());
  }
  return means;
}

double RunHistory::eta_seconds() const {
  if (!info_ || !last_ || recent_.size() < 2) return std::numeric_limits<double>::quiet_NaN();
  const auto& [first_step, first_time] = recent_.front();
  const auto& [last_step, last_time] = recent_.back();
  const double per_step = (last_time - first_time) / static_cast<double>(last_step - first_step);
  return std::max(0.0, per_step * static_cast<double>(info_->steps - last_step));
}

}  // namespace phalanx
