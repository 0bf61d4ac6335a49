// StepSums: what a step adds up over sequences and ranks: gradients, loss and the gradient norm. The order in which it
// does is all that run.reproducible chooses; everything else of a step is the same.
#pragma once

#include <memory>
#include <vector>

#include "data/loader.h"
#include "trainer/config/config.h"
#include "trainer/replica.h"

namespace phalanx {

// The groups of ranks that a step talks to.
struct Groups {
  Communicator* world = nullptr;
  Communicator* data = nullptr;
};

// Of the global batch, the same numbers on every rank. Not finite when a loss or a gradient was not.
struct StepTotals {
  LossSums loss{};              // not scaled
  std::vector<double> squares;  // of the gradients, per group (see GradNorm)
};

class StepSums {
 public:
  virtual ~StepSums() = default;
  StepSums() = default;
  StepSums(const StepSums&) = delete;
  StepSums& operator=(const StepSums&) = delete;

  // Flat gradients <- those of the global batch; with a sharded optimizer only this rank's parts of them. Collective.
  virtual void sum_gradients(const data::StepBatch& batch, const LossScale& scale) = 0;
  // Of the last sum_gradients(). Collective.
  virtual StepTotals totals() = 0;
  // Of the batches of all data ranks, dropout off. Collective.
  virtual LossSums evaluate(const std::vector<Batch>& batches) = 0;
};

// For none and same_layout: micro-batch by micro-batch, buckets over the data axis as backward completes them.
std::unique_ptr<StepSums> make_same_layout_sums(Replica& replica, Groups groups);
// For layout: sequence by sequence into virtual data shards, those along one fixed tree. Micro-batches hold one
// sequence (see build.h, sequences_at_once).
std::unique_ptr<StepSums> make_layout_sums(Replica& replica, Groups groups, int data_shards);

}  // namespace phalanx
