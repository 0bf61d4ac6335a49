// Metrics: where the loop reports; console, metrics.jsonl and Prometheus are behind it. Lives on rank 0 only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "parallel/communicator.h"
#include "trainer/config/config.h"
#include "trainer/memory.h"
#include "trainer/metrics/http_server.h"
#include "trainer/metrics/stats.h"
#include "trainer/run_folder.h"

namespace phalanx {

class Metrics {
 public:
  // Opens metrics.jsonl in the folder (the "run" event is written when the file is new; the record of an earlier run is
  // replaced at the first report unless on_resume takes it up) and, unless the address is empty, serves /metrics at
  // metrics.prometheus and tells Prometheus by prometheus_targets.json. Throws Error naming the key when the port
  // cannot be had.
  // `folder` must outlive this.
  Metrics(const config::Config& config, const RunInfo& info, const RunFolder& folder);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // A run goes on from a checkpoint: drops what metrics.jsonl says of later steps. Before the first step.
  void on_resume(std::int64_t step, const std::string& checkpoint);

  // A step with `skipped` set is recorded as a step and as a "skip" event.
  void on_step(const StepStats& stats);
  void on_validation(const ValidationStats& stats);
  // seconds: until it was written; stall_seconds: of those, how long training stood still.
  void on_checkpoint(std::int64_t step, const std::string& path, double seconds, double stall_seconds);
  // A save that failed while training goes on.
  void on_checkpoint_failure(std::int64_t step, const std::string& reason);

  void set_checkpoint_bytes(std::int64_t bytes);  // of one checkpoint, as planned
  // From any thread: a rank has just shown a sign of life.
  void on_sign_of_life(int world_rank);
  void set_memory(const std::vector<ArenaBytes>& arenas);
  // Totals since the start; append the lists of several communicators to one.
  void set_usage(const std::vector<Communicator::Usage>& totals);
  // norms[0]: parameters outside of the layers; norms[l + 1]: layer l.
  void set_layer_gradient_norms(const std::vector<double>& norms);
  // By world rank: seconds of the last step that a rank spent on its own work, collectives left out, so that a slow
  // rank stands out; `time`: when they were told.
  void set_rank_seconds(const std::vector<double>& seconds, double time);

  // nullptr when there is none.
  [[nodiscard]] HttpServer* server();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace phalanx
