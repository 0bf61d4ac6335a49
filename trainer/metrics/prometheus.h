// PrometheusExporter: the run as Prometheus metrics. Names carry the prefix phalanx_ and end in their unit; counters
// start at 0 in each process, the run's totals are gauges. Updating is a few stores; text() may be called by any
// thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "parallel/communicator.h"
#include "trainer/memory.h"
#include "trainer/metrics/stats.h"

namespace phalanx {

class PrometheusExporter {
 public:
  explicit PrometheusExporter(const RunInfo& info);
  ~PrometheusExporter();
  PrometheusExporter(const PrometheusExporter&) = delete;
  PrometheusExporter& operator=(const PrometheusExporter&) = delete;

  void step(const StepStats& stats);
  void validation(const ValidationStats& stats);
  // free_bytes: what the file system of the run folder has left; negative: unknown.
  void checkpoint(double time, double seconds, double stall_seconds, double free_bytes);
  void checkpoint_failure(double free_bytes);
  void free_bytes(double bytes);
  void checkpoint_plan(double bytes);  // of one checkpoint
  void memory(const std::vector<ArenaBytes>& arenas);
  // Totals since the process began; several communicators may be given one after the other in one list.
  void usage(const std::vector<Communicator::Usage>& totals);
  // norms[0]: parameters outside of the layers; norms[l + 1]: layer l.
  void layer_gradient_norms(const std::vector<double>& norms);
  void rank(int world_rank, double step_seconds, double last_seen);
  void rank_seen(int world_rank, double time);  // from any thread

  // The text format that Prometheus scrapes.
  [[nodiscard]] std::string text() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace phalanx
