// RunHistory: what the page shows of one run, from the records of its metrics.jsonl, in bounded memory.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "trainer/metrics/page/run_record.h"

namespace phalanx {

class RunHistory {
 public:
  // `generation` tells histories apart: a page that knows another one, of any server, begins anew.
  explicit RunHistory(std::int64_t generation) : generation_(generation) {}

  // In the order of the file. Throws Error when the first one is no run event, or a step does not rise.
  void add(const RunRecord& record);

  [[nodiscard]] bool empty() const { return !info_; }
  // The run as it was started or last resumed; set unless empty().
  [[nodiscard]] const std::optional<RunInfo>& info() const { return info_; }
  [[nodiscard]] double started() const { return started_; }  // Unix time of the run event
  [[nodiscard]] const StepBins& bins() const { return bins_; }
  [[nodiscard]] const Marks& marks() const { return marks_; }
  [[nodiscard]] const std::optional<StepSample>& last() const { return last_; }
  [[nodiscard]] const std::vector<ArenaBytes>& memory() const { return memory_; }
  // The last step that told one, and the digest; -1 before.
  [[nodiscard]] const std::pair<std::int64_t, std::string>& digest() const { return digest_; }
  // By world rank, mean over the last few steps that told it: one slow step does not make a slow rank.
  [[nodiscard]] std::vector<double> rank_step_seconds() const;
  [[nodiscard]] std::int64_t ranks_told() const { return ranks_told_; }  // how many steps told it
  [[nodiscard]] std::int64_t ranks_averaged() const { return static_cast<std::int64_t>(ranks_.size()); }
  // To the last planned step, by the time that the latest steps took with all that lay between them; not a number when
  // unknown.
  [[nodiscard]] double eta_seconds() const;

  // Rises when positions of bins or marks no longer hold.
  [[nodiscard]] std::int64_t generation() const { return generation_; }
  // Rises with info, memory and digest.
  [[nodiscard]] std::int64_t facts_told() const { return facts_told_; }

 private:
  void add_step(const StepRecord& step);
  void begin_process();

  std::int64_t generation_;
  std::int64_t facts_told_ = 0;
  std::int64_t ranks_told_ = 0;
  std::optional<RunInfo> info_;
  double started_ = 0;
  StepBins bins_;
  Marks marks_;
  std::optional<StepSample> last_;
  std::vector<ArenaBytes> memory_;
  std::pair<std::int64_t, std::string> digest_{-1, ""};
  std::deque<std::vector<double>> ranks_;
  std::deque<std::pair<std::int64_t, double>> recent_;  // step, time
};

}  // namespace phalanx
