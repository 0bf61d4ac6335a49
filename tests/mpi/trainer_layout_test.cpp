// Training gives the same result at every layout: data x tensor x micro-batch x sharded optimizer, against one rank
// that runs the whole batch. Dropout is on, so masks must not depend on the layout either.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "parallel/comm_self.h"
#include "tests/support/mpi_main.h"
#include "trainer/build.h"
#include "trainer/loop.h"

namespace phalanx {
namespace {

constexpr int kV = 61, kT = 13, kBatch = 8, kSteps = 6;

struct Case {
  int data = 1, tensor = 1, micro = kBatch;
  bool shard = true;
  std::string precision = "fp32";
  std::string recompute = "none";
};

config::Config make_config(const Case& c) {
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
  return config;
}

// Sequences [begin, begin + count) of a step; some targets are ignored, so that averages of averages would show.
Batch make_batch(int step, int begin, int count) {
  Batch batch = empty_batch(count, kT);
  for (int b = 0; b < count; ++b) {
    const int sequence = step * kBatch + begin + b;
    batch.sequences[static_cast<std::size_t>(b)] = sequence;
    for (int t = 0; t < kT; ++t) {
      const auto i = static_cast<std::size_t>(b * kT + t);
      batch.tokens[i] = (17 * sequence + 5 * t * t + t) % kV;
      batch.targets[i] = t < (sequence * 5) % kT ? Batch::kIgnore : (batch.tokens[i] * 3 + 1) % kV;
      batch.positions[i] = t;
      batch.document_begin[i] = 0;
      batch.document_end[i] = kT;
      batch.predicted += batch.targets[i] >= 0 ? 1 : 0;
    }
  }
  return batch;
}

data::StepBatch make_step(int step, const Case& c, int data_rank) {
  data::StepBatch result;
  const int mine = kBatch / c.data;
  for (int begin = 0; begin < mine; begin += c.micro) {
    result.micro.push_back(make_batch(step, data_rank * mine + begin, c.micro));
    result.predicted += result.micro.back().predicted;
    result.tokens += c.micro * kT;
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
        replica(replica_options(config, Grid{c.data, c.tensor}, world_rank), data, tensor, training_workload(config)),
        trainer(config, replica, {&world, &data}, 0) {
    replica.fill_initial_values();
  }
  Result run(const Case& c, int steps) {
    Result result;
    for (int s = 0; s < steps; ++s) {
      const StepStats stats = trainer.step(make_step(s, c, replica.options().coord.data), 0);
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

// All masters of a one-rank job by parameter and global index.
std::vector<std::vector<float>> serial_masters(const Replica& replica) {
  std::vector<std::vector<float>> values;
  for (const ParamSpec& spec : replica.layout().table()) values.emplace_back(spec.shape.count());
  for (const OwnedPiece& piece : replica.optimizer().pieces()) {
    const ParamSpec& spec = replica.layout().table()[static_cast<std::size_t>(piece.spec)];
    for (std::int64_t i = 0; i < piece.count; ++i) {
      const std::int64_t g = global_index(spec, piece.shard, piece.shard_count, piece.begin + i);
      if (g >= 0) {
        values[static_cast<std::size_t>(piece.spec)][static_cast<std::size_t>(g)] =
            replica.optimizer().master().as<float>()[piece.own_offset + i];
      }
    }
  }
  return values;
}

double largest_difference(const Replica& replica, const std::vector<std::vector<float>>& expected) {
  double largest = 0;
  for (const OwnedPiece& piece : replica.optimizer().pieces()) {
    const ParamSpec& spec = replica.layout().table()[static_cast<std::size_t>(piece.spec)];
    for (std::int64_t i = 0; i < piece.count; ++i) {
      const std::int64_t g = global_index(spec, piece.shard, piece.shard_count, piece.begin + i);
      const float want = g < 0 ? 0.0F : expected[static_cast<std::size_t>(piece.spec)][static_cast<std::size_t>(g)];
      largest =
          std::max(largest, std::abs(double{replica.optimizer().master().as<float>()[piece.own_offset + i]} - want));
    }
  }
  return largest;
}

struct Serial {
  explicit Serial(const Case& c) : self(make_self_communicator("self")), job(c, *self, *self, *self, 0) {}
  std::unique_ptr<Communicator> self;
  Job job;
};

struct Parallel {
  explicit Parallel(const Case& c)
      : axes(test_runtime().split({c.data, c.tensor})),
        job(c, test_runtime().world(), *axes.data, *axes.tensor, test_runtime().world_rank()) {}
  Runtime::Axes axes;
  Job job;
};

std::vector<Case> cases_for(int world_size) {
  std::vector<Case> cases;
  for (int tensor = 1; tensor <= world_size; tensor *= 2) {
    const int data = world_size / tensor;
    for (const int micro : {1, kBatch / data}) {
      for (const bool shard : {true, false}) cases.push_back({data, tensor, micro, shard});
    }
  }
  cases.push_back({world_size, 1, 1, true, "fp32", "full"});
  cases.push_back({1, world_size, kBatch, true, "fp32", "selective"});
  return cases;
}

std::string name_of(const Case& c) {
  return str(c.data, "x", c.tensor, " micro ", c.micro, c.shard ? " sharded " : " unsharded ", c.precision, " ",
             c.recompute);
}

TEST(Layout, InitialWeightsAreBitEqual) {
  Serial serial(Case{});
  const auto expected = serial_masters(serial.job.replica);
  for (const Case& c : cases_for(test_runtime().world_size())) {
    Parallel parallel(c);
    EXPECT_EQ(largest_difference(parallel.job.replica, expected), 0.0) << name_of(c);
  }
}

TEST(Layout, TrainingMatchesOneRankWithTheWholeBatch) {
  Serial serial(Case{});
  const Result expected = serial.job.run(Case{}, kSteps);
  const auto masters = serial_masters(serial.job.replica);
  for (const Case& c : cases_for(test_runtime().world_size())) {
    SCOPED_TRACE(name_of(c));
    Parallel parallel(c);
    const Result got = parallel.job.run(c, kSteps);
    for (std::size_t s = 0; s < expected.losses.size(); ++s) {
      // fp32 sums of some hundred terms in another order, through a handful of updates.
      EXPECT_NEAR(got.losses[s], expected.losses[s], 5e-6 * expected.losses[s]) << "step " << s;
      EXPECT_NEAR(got.norms[s], expected.norms[s], 5e-5 * expected.norms[s]) << "step " << s;
    }
    EXPECT_NEAR(got.validation, expected.validation, 5e-6 * expected.validation);
    EXPECT_LT(largest_difference(parallel.job.replica, masters), 5e-6);
  }
}

TEST(Layout, Bf16StaysWithinItsRoundingOfOneRank) {
  Case c{.precision = "bf16"};
  Serial serial(c);
  const Result expected = serial.job.run(c, kSteps);
  c.tensor = test_runtime().world_size();
  Parallel parallel(c);
  const Result got = parallel.job.run(c, kSteps);
  for (std::size_t s = 0; s < expected.losses.size(); ++s) {
    EXPECT_NEAR(got.losses[s], expected.losses[s], 0x1.0p-8 * expected.losses[s]) << "step " << s;
  }
}

TEST(Layout, RepeatedRunGivesTheSameBits) {
  const Case c{.data = test_runtime().world_size(), .micro = 1};
  const auto run = [&] {
    Parallel parallel(c);
    return parallel.job.run(c, 3);
  };
  const Result first = run();
  const Result second = run();
  EXPECT_EQ(first.losses, second.losses);
  EXPECT_EQ(first.norms, second.norms);
  EXPECT_EQ(first.validation, second.validation);
}

}  // namespace
}  // namespace phalanx
