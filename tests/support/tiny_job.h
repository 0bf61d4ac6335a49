// A tiny GPT training job at any layout, on made-up tokens: what the tests of layouts and of resuming share.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "parallel/comm_self.h"
#include "tests/support/mpi_main.h"
#include "trainer/build.h"
#include "trainer/config/resolve.h"
#include "trainer/trainer.h"

namespace phalanx::testing::tiny {

inline constexpr int kV = 61, kT = 13, kBatch = 8, kSteps = 6;

struct Case {
  int data = 1, tensor = 1, micro = kBatch;
  bool shard = true;
  std::string precision = "fp32";
  std::string recompute = "none";
  std::string reproducible = "same_layout";
};

inline config::Config make_config(const Case& c) {
  config::Config config;
  config.model = {.layers = 2,
                  .hidden = 32,
                  .heads = 4,
                  .ffn = {64},
                  .context = kT,
                  .vocabulary = {kV},
                  .dropout = 0.1,
                  .attention_dropout = 0.1};
  config.parallel.data.value = c.data;
  config.parallel.tensor = c.tensor;
  config.parallel.shard_optimizer = c.shard;
  config.parallel.bucket_mb.value = 1;
  config.training = {.steps = kSteps,
                     .global_batch = kBatch,
                     .micro_batch = c.micro,
                     .precision = c.precision,
                     .recompute = c.recompute,
                     .gradient_clip = 1.0};
  // A large epsilon keeps the update a smooth function of the gradient, so rounding stays rounding.
  config.optimizer = {.learning_rate = 1e-2, .epsilon = 1e-3};
  config.run.reproducible = c.reproducible;
  return config::resolve_sizes(config, c.data * c.tensor);
}

// Sequences [begin, begin + count) of a step: two documents each, of lengths that differ; some targets are ignored, so
// that averages of averages would show.
inline Batch make_batch(int step, int begin, int count) {
  Batch batch = empty_batch({.B = count, .T = kT});
  for (int b = 0; b < count; ++b) {
    const int sequence = step * kBatch + begin + b;
    batch.sequences[static_cast<std::size_t>(b)] = sequence;
    const int second = 3 + sequence % 7;  // where the second document begins
    for (int t = 0; t < kT; ++t) {
      const auto i = static_cast<std::size_t>(b * kT + t);
      batch.tokens[i] = (17 * sequence + 5 * t * t + t) % kV;
      batch.targets[i] = t < (sequence * 5) % kT ? Batch::kIgnore : (batch.tokens[i] * 3 + 1) % kV;
      batch.document_begin[i] = t < second ? 0 : second;
      batch.document_end[i] = t < second ? second : kT;
      batch.positions[i] = t - batch.document_begin[i];
      batch.predicted += batch.targets[i] >= 0 ? 1 : 0;
    }
  }
  return batch;
}

inline data::StepBatch make_step(int step, const Case& c, int data_rank) {
  data::StepBatch result;
  const int mine = kBatch / c.data;
  const auto micro = static_cast<int>(sequences_at_once(make_config(c)));
  for (int begin = 0; begin < mine; begin += micro) {
    result.micro.push_back(make_batch(step, data_rank * mine + begin, micro));
    result.predicted += result.micro.back().predicted;
    result.tokens += micro * kT;
  }
  return result;
}

struct Result {
  std::vector<double> losses, norms;
  double validation = 0;
};

struct Job {
  Job(const Case& c, Communicator& world, Communicator& data, Communicator& tensor, int world_rank)
      : config(make_config(c)),
        replica(replica_options(config, Grid{c.data, c.tensor}, world_rank), data, tensor,
                training_workload(batch_shape(config))),
        trainer(config, replica, {&world, &data}, 0) {
    replica.fill_initial_values();
  }
  StepStats step(const Case& c, int s) { return trainer.step(make_step(s, c, replica.options().coord.data), 0); }
  // Losses of steps [begin, begin + count).
  std::vector<double> losses_of(const Case& c, int begin, int count) {
    std::vector<double> losses;
    for (int s = begin; s < begin + count; ++s) losses.push_back(step(c, s).loss);
    return losses;
  }
  Result run(const Case& c, int steps) {
    Result result;
    for (int s = 0; s < steps; ++s) {
      const StepStats stats = step(c, s);
      result.losses.push_back(stats.loss);
      result.norms.push_back(stats.gradient_norm);
    }
    std::vector<Batch> batches;
    for (const Batch& b : make_step(99, c, replica.options().coord.data).micro) batches.push_back(b);
    result.validation = trainer.evaluate(batches).loss;
    return result;
  }
  config::Config config;
  Replica replica;
  Trainer trainer;
};

// One rank that runs everything by itself.
struct Serial {
  explicit Serial(const Case& c) : self(make_self_communicator("self")), job(c, *self, *self, *self, 0) {}
  std::unique_ptr<Communicator> self;
  Job job;
};

// All ranks of the test together.
struct Parallel {
  explicit Parallel(const Case& c)
      : axes(test_runtime().split({c.data, c.tensor})),
        job(c, test_runtime().world(), *axes.data, *axes.tensor, test_runtime().world_rank()) {}
  Runtime::Axes axes;
  Job job;
};

}  // namespace phalanx::testing::tiny
