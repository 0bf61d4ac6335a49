// StepStats: the one record of a step. Console, metrics.jsonl and Prometheus are views of it.
#pragma once

#include <cstdint>
#include <string>

#include "core/phase_clock.h"

namespace phalanx {

struct StepStats {
  std::int64_t step = 0;  // updates done, this one included
  double time = 0;        // Unix seconds at the end of the step
  double loss = 0;        // of the global batch: mean over predicted tokens + mean over predicted pairs
  double learning_rate = 0;
  double gradient_norm = 0;      // before clipping
  std::int64_t tokens = 0;       // input positions consumed by the run so far
  std::int64_t step_tokens = 0;  // of this step, all ranks
  double step_seconds = 0;
  double tokens_per_second = 0;
  double flops_per_second = 0;               // all ranks, matrix products counted one by one
  double model_flops_utilization_ratio = 0;  // of the peak of all ranks, measured at the start
  double eta_seconds = 0;
  double loss_scale = 1;
  bool skipped = false;
  PhaseClock::Seconds phase_seconds{};  // by Phase, this rank
  double data_wait_seconds = 0;         // of this step
  std::string digest;                   // of masters and moments (trainer/state_digest.h); empty: not taken
};

struct ValidationStats {
  std::int64_t step = 0;
  double time = 0;
  double loss = 0;                                   // the sum of the two below
  double token_loss = 0;                             // mean over predicted tokens
  double sentence_loss = 0;                          // mean over predicted sentence pairs
  std::int64_t tokens = 0;                           // predicted
  std::int64_t pairs = 0;                            // predicted
  double token_accuracy = 0, sentence_accuracy = 0;  // of what is predicted
  double seconds = 0;
};

// What a run is, said once at its start.
struct RunInfo {
  std::string name;
  std::string output;      // run folder
  std::int64_t steps = 0;  // planned
  int world_size = 1, data_ranks = 1, tensor_ranks = 1;
  int threads = 1;  // per rank
  std::string device, precision, reproducible;
  std::int64_t parameters = 0;
  double flops_per_token = 0;  // training, matrix products
  double peak_flops = 0;       // all ranks; what MFU divides by
  std::string peak_source;     // "fastest fp32 product measured at start"
};

}  // namespace phalanx
