// Trainer: the training step, and evaluation between steps.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "data/loader.h"
#include "trainer/checkpoint/checkpoint.h"
#include "trainer/config/config.h"
#include "trainer/config/stage.h"
#include "trainer/metrics/stats.h"
#include "trainer/replica.h"
#include "trainer/state_watch.h"
#include "trainer/step_sums.h"

namespace phalanx {

class Trainer {
 public:
  // peak_flops: of all ranks, what utilisation is measured against; 0: unknown. `config`, `replica` and the groups must
  // outlive the trainer.
  Trainer(const config::Config& config, Replica& replica, Groups groups, double peak_flops);

  // One update from the micro-batches of one step, which are those of config::stage_at(step). Collective. Throws Error
  // before the update, on every rank alike, when loss or gradients are not finite, naming step and first bad tensor.
  StepStats step(const data::StepBatch& batch, double data_wait_seconds);

  // Mean losses over the batches of all data ranks, dropout off. Collective.
  ValidationStats evaluate(const std::vector<Batch>& batches);

  // The digest of masters and moments as they are, once nothing is found that changed them since the last step, or
  // where copies of ranks differ. Watches on until the next step. Collective.
  StateDigest checked_digest();

  [[nodiscard]] const checkpoint::Progress& progress() const { return progress_; }
  void set_progress(const checkpoint::Progress& progress) {
    progress_ = progress;
    progress_.digest.reset();  // it is of that state alone
  }
  [[nodiscard]] const std::vector<double>& layer_gradient_norms() const { return layer_norms_; }

 private:
  struct Counts {
    std::int64_t predicted = 0;  // targets of the global batch
    std::int64_t pairs = 0;      // predicted sentence pairs of the global batch
    std::int64_t tokens = 0;     // input positions of the global batch
  };
  Counts global_counts(const data::StepBatch& batch);
  struct Totals {
    LossSums loss{};
    double gradient_norm = 0;
  };
  Totals take_totals();
  void require_finite(const Totals& totals);
  StepStats make_stats(const Totals& totals, const Counts& counts, double learning_rate, double seconds);

  const config::Config& config_;
  config::Stage stage_;  // of the step that comes next, once step() has begun
  Replica& replica_;
  Groups groups_;
  double peak_flops_;
  std::unique_ptr<StepSums> sums_;
  StateWatch watch_;
  checkpoint::Progress progress_;
  std::vector<double> layer_norms_;
};

}  // namespace phalanx
