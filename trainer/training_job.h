// TrainingJob: one run of `phalanx train`, from configuration to the last checkpoint.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/loader.h"
#include "parallel/runtime.h"
#include "trainer/config/config.h"
#include "trainer/config/stage.h"
#include "trainer/data_identity.h"
#include "trainer/metrics/metrics.h"
#include "trainer/metrics/rank_metrics.h"
#include "trainer/replica.h"
#include "trainer/resume.h"
#include "trainer/run_folder.h"
#include "trainer/saver.h"
#include "trainer/trainer.h"
#include "trainer/watchdog/beacon.h"
#include "trainer/watchdog/watchdog.h"

namespace phalanx {

class TrainingJob {
 public:
  // `config` is resolved and valid, its vocabulary known; `runtime` must outlive the job. Collective; what can be
  // refused before anything is allocated is refused here.
  TrainingJob(const config::Config& config, const StartRequest& request, const Runtime& runtime, int threads);
  ~TrainingJob();

  // Allocates, loads, trains to training.steps or until a signal asks to stop; saves; writes how it ended to
  // status.json.
  void run();

 private:
  // Until the first step (training_job_start.cpp).
  void prepare();
  [[nodiscard]] double measure_peak() const;
  void describe_start() const;
  void check_disk();
  void load_start();
  void open_data();
  void check_phases();
  void open_stage();
  void open_reports();
  void open_rank_reports();
  void watch();

  bool train();
  bool agree_to_stop();
  void train_one_step();
  void report_step(const StepStats& stats, double own_seconds);
  void evaluate();
  void note_end(bool stopped);
  [[nodiscard]] std::vector<Communicator::Usage> usage() const;
  [[nodiscard]] double collective_seconds() const;
  [[nodiscard]] bool is_due(std::int64_t every) const;
  [[nodiscard]] checkpoint::Provenance provenance() const;
  [[nodiscard]] bool leads() const { return runtime_.world_rank() == 0; }

  config::Config config_;
  const Runtime& runtime_;
  Grid grid_;
  int threads_;
  Device device_;
  Runtime::Axes axes_;
  DataIdentity identity_;
  StartPoint start_;
  std::unique_ptr<Replica> replica_;
  double peak_flops_ = 0;
  std::int64_t checkpoint_bytes_ = 0;  // of one checkpoint; rank 0
  std::unique_ptr<Trainer> trainer_;
  config::Stage stage_;  // that the loader is for
  std::unique_ptr<data::Loader> loader_;
  std::vector<Batch> validation_;              // of the stage's phase
  std::unique_ptr<RunFolder> folder_;          // rank 0
  std::unique_ptr<Metrics> metrics_;           // rank 0
  std::unique_ptr<RankMetrics> rank_metrics_;  // other ranks, with metrics.per_rank
  std::unique_ptr<Saver> saver_;
  std::unique_ptr<watchdog::Beacon> beacon_;
  std::unique_ptr<watchdog::Watchdog> watchdog_;  // last: it ends first
  double waited_ = 0;                             // seconds that the loader had made us wait before the last step
};

}  // namespace phalanx
