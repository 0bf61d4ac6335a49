// Training gives the same result at every layout: data x tensor x micro-batch x sharded optimizer, against one rank
// that runs the whole batch. Dropout is on, so masks must not depend on the layout either.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "parallel/shard_index.h"
#include "tests/support/tiny_job.h"

namespace phalanx {
namespace {

using namespace testing::tiny;

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

constexpr const char* kRecompute[] = {"none", "selective", "full"};

// All layouts of the ranks there are, with the other choices rotating.
std::vector<Case> covering_cases(int world_size, const std::string& family) {
  std::vector<Case> cases;
  int n = 0;
  for (int tensor = 1; tensor <= world_size; tensor *= 2) {
    const int data = world_size / tensor;
    for (const int micro : {1, kBatch / data}) {
      cases.push_back({data, tensor, micro, n % 2 == 0, "fp32", kRecompute[n % 3], "same_layout", family});
      ++n;
    }
  }
  return cases;
}

// Every choice for one family; what the others add is their network.
std::vector<Case> cases_for(int world_size, const std::string& family) {
  if (family != "gpt") return covering_cases(world_size, family);
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
  return str(c.family, " ", c.data, "x", c.tensor, " micro ", c.micro, c.shard ? " sharded " : " unsharded ",
             c.precision, " ", c.recompute);
}

class Layout : public ::testing::TestWithParam<const char*> {};

TEST_P(Layout, InitialWeightsAreBitEqual) {
  Serial serial(Case{.family = GetParam()});
  const auto expected = serial_masters(serial.job.replica);
  for (const Case& c : cases_for(test_runtime().world_size(), GetParam())) {
    Parallel parallel(c);
    EXPECT_EQ(largest_difference(parallel.job.replica, expected), 0.0) << name_of(c);
  }
}

TEST_P(Layout, TrainingMatchesOneRankWithTheWholeBatch) {
  const Case whole{.family = GetParam()};
  Serial serial(whole);
  const Result expected = serial.job.run(whole, kSteps);
  const auto masters = serial_masters(serial.job.replica);
  for (const Case& c : cases_for(test_runtime().world_size(), GetParam())) {
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

TEST_P(Layout, Bf16StaysWithinItsRoundingOfOneRank) {
  Case c{.precision = "bf16", .family = GetParam()};
  Serial serial(c);
  const Result expected = serial.job.run(c, kSteps);
  c.tensor = test_runtime().world_size();
  Parallel parallel(c);
  const Result got = parallel.job.run(c, kSteps);
  for (std::size_t s = 0; s < expected.losses.size(); ++s) {
    EXPECT_NEAR(got.losses[s], expected.losses[s], 0x1.0p-8 * expected.losses[s]) << "step " << s;
  }
}

TEST_P(Layout, RepeatedRunGivesTheSameBits) {
  const Case c{.data = test_runtime().world_size(), .micro = 1, .family = GetParam()};
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

INSTANTIATE_TEST_SUITE_P(AllFamilies, Layout, ::testing::Values("gpt", "bert", "modern_encoder"));

}  // namespace
}  // namespace phalanx
