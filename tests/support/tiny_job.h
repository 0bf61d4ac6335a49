// A tiny training job of any model family and at any layout, on made-up tokens: what the tests of layouts and of
// resuming share.
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

inline constexpr int kV = 61, kT = 13, kP = 4, kBatch = 8, kSteps = 6;

struct Case {
  int data = 1, tensor = 1, micro = kBatch;
  bool shard = true;
  std::string precision = "fp32";
  std::string recompute = "none";
  std::string reproducible = "same_layout";
  std::string family = "gpt";
  std::string optimizer = "adamw";
};

inline bool masked(const Case& c) { return c.family != "gpt"; }

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
  config.optimizer = {.type = c.optimizer, .learning_rate = 1e-2, .epsilon = 1e-3};
  config.run.reproducible = c.reproducible;
  return config::resolve_sizes(config, c.data * c.tensor);
}

// The network of a case; the configuration knows its sizes.
inline NetworkOptions network_of(const Case& c, const config::Config& config) {
  NetworkOptions network = network_options(config);
  network.family = c.family;
  if (c.family == "bert") {
    network.activation = ops::Gelu::erf;
    network.norm_epsilon = 1e-12;
    network.token_types = 2;
    network.next_sentence = true;
  }
  network.local_attention = 6;
  return network;
}

inline BatchShape shape_of(const Case& c, int sequences) {
  if (!masked(c)) return {.B = sequences, .T = kT};
  return {.B = sequences, .T = kT, .P = kP, .pairs = c.family == "bert"};
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

// Likewise for masked tokens: every third sequence is a pair with padding behind it, the others are two documents,
// which are no pair. Some predictions are left out.
inline Batch make_masked_batch(const Case& c, int step, int begin, int count) {
  Batch batch = empty_batch(shape_of(c, count));
  for (int b = 0; b < count; ++b) {
    const int sequence = step * kBatch + begin + b;
    const bool pair = sequence % 3 == 0;
    const int second = 4 + sequence % 7;  // where the second document, or the padding, begins
    batch.sequences[static_cast<std::size_t>(b)] = sequence;
    for (int t = 0; t < kT; ++t) {
      const auto i = static_cast<std::size_t>(b * kT + t);
      batch.tokens[i] = (17 * sequence + 5 * t * t + t) % kV;
      batch.document_begin[i] = t < second ? 0 : second;
      batch.document_end[i] = t < second ? second : kT;
      batch.positions[i] = t - batch.document_begin[i];
      if (!batch.token_types.empty()) batch.token_types[i] = pair && t > second / 2 ? 1 : 0;
    }
    for (int p = 0; p < kP; ++p) {
      const auto i = static_cast<std::size_t>(b * kP + p);
      batch.slots[i] = b * kT + (sequence + 3 * p) % kT;
      batch.targets[i] =
          (sequence + p) % 5 == 0 ? Batch::kIgnore : (sequence * 3 + p) % 5;  // can be learned in six steps
      batch.predicted += batch.targets[i] >= 0 ? 1 : 0;
    }
    if (batch.next_sentence.empty()) continue;
    batch.next_sentence[static_cast<std::size_t>(b)] = pair ? sequence / 3 % 2 : Batch::kIgnore;
    batch.predicted_pairs += pair ? 1 : 0;
  }
  return batch;
}

inline data::StepBatch make_step(int step, const Case& c, int data_rank) {
  data::StepBatch result;
  const int mine = kBatch / c.data;
  const auto micro = static_cast<int>(sequences_at_once(make_config(c)));
  for (int begin = 0; begin < mine; begin += micro) {
    const int first = data_rank * mine + begin;
    result.micro.push_back(masked(c) ? make_masked_batch(c, step, first, micro) : make_batch(step, first, micro));
    result.predicted += result.micro.back().predicted;
    result.predicted_pairs += result.micro.back().predicted_pairs;
    result.tokens += micro * kT;
  }
  return result;
}

struct Result {
  std::vector<double> losses, norms;
  double validation = 0;  // loss
  double token_accuracy = 0, sentence_accuracy = 0;
};

inline ReplicaOptions options_of(const Case& c, const config::Config& config, int world_rank) {
  ReplicaOptions options = replica_options(config, Grid{c.data, c.tensor}, world_rank);
  options.network = network_of(c, config);
  return options;
}

struct Job {
  Job(const Case& c, Communicator& world, Communicator& data, Communicator& tensor, int world_rank)
      : config(make_config(c)),
        replica(options_of(c, config, world_rank), data, tensor,
                training_workload(shape_of(c, static_cast<int>(sequences_at_once(config))))),
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
    const ValidationStats validation = trainer.evaluate(batches);
    result.validation = validation.loss;
    result.token_accuracy = validation.token_accuracy;
    result.sentence_accuracy = validation.sentence_accuracy;
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
