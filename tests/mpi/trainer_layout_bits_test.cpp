// run.reproducible: layout: loss, gradient norm and every bit of masters and moments are the same at every layout: data
// x tensor x micro-batch x sharded optimizer x threads x recomputation. Dropout is on and clipping is active.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <tuple>
#include <vector>

#include "core/sha256.h"
#include "parallel/shard_index.h"
#include "tests/support/shared_folder.h"
#include "tests/support/threads.h"
#include "tests/support/tiny_job.h"
#include "trainer/held_state.h"
#include "trainer/load_state.h"

namespace phalanx {
namespace {

using namespace testing::tiny;

// The environment variable PHALANX_EVERY_LAYOUT asks for the whole product of choices instead of a covering set, and
// for more steps: minutes instead of seconds (ctest -L slow).
bool every_layout() { return std::getenv("PHALANX_EVERY_LAYOUT") != nullptr; }
int steps() { return every_layout() ? 50 : 6; }

// SHA-256 of masters and moments of all ranks in the order of the global tensors. Collective.
std::string sha256_of(const Replica& replica, Communicator& world) {
  Sha256 sha;
  const OptimizerState& state = replica.optimizer();
  const ParamTable& table = replica.layout().table();
  for (const Tensor& part : {state.master(), state.m(), state.v()}) {
    for (std::size_t spec = 0; spec < table.size(); ++spec) {
      std::vector<std::int32_t> bits(static_cast<std::size_t>(table[spec].shape.count()), 0);
      for (const OwnedPiece& piece : state.pieces()) {
        if (piece.spec != static_cast<int>(spec) || !piece.primary || !replica.ownership().counts) continue;
        for (const GlobalRun& run :
             global_runs(table[spec], piece.shard, piece.shard_count, piece.begin, piece.count)) {
          if (run.global_begin < 0) continue;
          std::memcpy(&bits[static_cast<std::size_t>(run.global_begin)],
                      part.as<float>() + piece.own_offset + (run.shard_begin - piece.begin),
                      static_cast<std::size_t>(run.count) * sizeof(float));
        }
      }
      world.all_reduce(host_tensor(bits.data(), {static_cast<std::int64_t>(bits.size())}), Reduce::sum, {});
      sha.update(bits.data(), bits.size() * sizeof(std::int32_t));
    }
  }
  return sha.hex_digest();
}

struct Outcome {
  Result result;
  std::string sha256;
  StateDigest digest;
};

Outcome outcome_of(Job& job, const Result& result, Communicator& world) {
  return {result, sha256_of(job.replica, world),
          sum_digests(digest_held_state(job.replica), job.replica.layout().table(), world)};
}

struct LayoutCase {
  Case job;
  int threads = 1;
};

std::string name_of(const LayoutCase& c) {
  return str(c.job.family, " ", c.job.data, "x", c.job.tensor, " micro ", c.job.micro,
             c.job.shard ? " sharded " : " unsharded ", c.job.precision, " recompute ", c.job.recompute, ", ",
             c.threads, " threads");
}

constexpr const char* kRecompute[] = {"none", "selective", "full"};

// All layouts of the ranks there are with every choice of the others.
std::vector<LayoutCase> every_case(int world_size, const std::string& family, const std::string& precision) {
  std::vector<LayoutCase> cases;
  for (int tensor = 1; tensor <= world_size; tensor *= 2) {
    const int data = world_size / tensor;
    for (int micro = 1; micro <= kBatch / data; micro *= 2) {
      for (const bool shard : {true, false}) {
        for (const int threads : {1, 2}) {
          for (const char* recompute : kRecompute) {
            cases.push_back({{data, tensor, micro, shard, precision, recompute, "layout", family}, threads});
          }
        }
      }
    }
  }
  return cases;
}

// All layouts of the ranks there are, with the other choices rotating. Threads vary where ranks do not share cores.
// Micro-batches make no difference that the families could: all of them for one, the smallest and largest for others.
std::vector<LayoutCase> covering_cases(int world_size, const std::string& family, const std::string& precision) {
  std::vector<LayoutCase> cases;
  int n = 0;
  for (int tensor = 1; tensor <= world_size; tensor *= 2) {
    const int data = world_size / tensor;
    const int most = kBatch / data;
    for (int micro = 1; micro <= most; micro *= family == "gpt" ? 2 : std::max(2, most), ++n) {
      const int threads = world_size == 1 ? 1 + n % 2 : 1;
      cases.push_back({{data, tensor, micro, n % 2 == 0, precision, kRecompute[n % 3], "layout", family}, threads});
    }
  }
  cases.push_back({{world_size, 1, 1, false, precision, "none", "layout", family}, 1});
  return cases;
}

// Against one rank with the whole batch.
void expect_the_bits_of_one_rank(const Case& whole, const std::vector<LayoutCase>& cases) {
  Serial serial(whole);
  const Result expected = serial.job.run(whole, steps());
  const Outcome want = outcome_of(serial.job, expected, *serial.self);
  ASSERT_LT(expected.losses.back(), expected.losses.front());
  ASSERT_GT(*std::max_element(expected.norms.begin(), expected.norms.end()), 1.0) << "nothing was clipped";
  ASSERT_GT(expected.token_accuracy + expected.sentence_accuracy, 0.0) << "nothing was right";
  for (const LayoutCase& c : cases) {
    SCOPED_TRACE(name_of(c));
    const testing::ThreadCount threads(c.threads);
    Parallel parallel(c.job);
    const Result result = parallel.job.run(c.job, steps());
    const Outcome got = outcome_of(parallel.job, result, test_runtime().world());
    EXPECT_EQ(got.result.losses, want.result.losses);
    EXPECT_EQ(got.result.norms, want.result.norms);
    EXPECT_EQ(got.result.validation, want.result.validation);
    EXPECT_EQ(got.result.token_accuracy, want.result.token_accuracy);
    EXPECT_EQ(got.result.sentence_accuracy, want.result.sentence_accuracy);
    EXPECT_EQ(got.sha256, want.sha256);
    EXPECT_EQ(got.digest, want.digest);
  }
}

class LayoutBits : public ::testing::TestWithParam<std::tuple<const char*, const char*>> {
 protected:
  static std::string family() { return std::get<0>(GetParam()); }
  static std::string precision() { return std::get<1>(GetParam()); }
};

TEST_P(LayoutBits, AreTheSameAtEveryLayout) {
  const int ranks = test_runtime().world_size();
  expect_the_bits_of_one_rank(
      {.precision = precision(), .reproducible = "layout", .family = family()},
      every_layout() ? every_case(ranks, family(), precision()) : covering_cases(ranks, family(), precision()));
}

// What LAMB adds is one norm per tensor: cut by tensor ranks, and over owners of parts.
TEST(LayoutBitsOfLamb, AreTheSameAtEveryGrid) {
  const int ranks = test_runtime().world_size();
  std::vector<LayoutCase> cases;
  for (int tensor = 1; tensor <= ranks; tensor *= 2) {
    cases.push_back({.job = {.data = ranks / tensor, .tensor = tensor, .micro = 1, .shard = tensor != ranks}});
    cases.back().job.reproducible = "layout";
    cases.back().job.family = "bert";
    cases.back().job.optimizer = "lamb";
  }
  expect_the_bits_of_one_rank({.reproducible = "layout", .family = "bert", .optimizer = "lamb"}, cases);
}

TEST_P(LayoutBits, StayWithinRoundingOfTheOtherMode) {
  const Case plain{.precision = precision(), .family = family()};
  const Case layout{.precision = precision(), .reproducible = "layout", .family = family()};
  Serial one(plain);
  Serial other(layout);
  const Result a = one.job.run(plain, 6);
  const Result b = other.job.run(layout, 6);
  const double relative = plain.precision == "fp32" ? 5e-6 : 0x1.0p-8;
  for (std::size_t s = 0; s < a.losses.size(); ++s) {
    EXPECT_NEAR(a.losses[s], b.losses[s], relative * a.losses[s]) << "step " << s;
  }
}

// Saves what `job` has come to and loads it into `next`, which may be of another layout; false ranks of `saves` only
// take part in the waiting.
void hand_over(Job& job, Communicator& job_world, bool saves, Job& next, Communicator& next_world) {
  const testing::SharedFolder folder("phalanx_hand_over");
  checkpoint::Progress progress = job.trainer.progress();
  progress.digest = job.trainer.checked_digest();
  if (saves) {
    checkpoint::save(folder.path(), progress, checkpoint::Provenance{}, owned_state(job.replica), job_world);
  }
  test_runtime().world().barrier();
  const auto manifest = checkpoint::read_manifest(checkpoint::list(folder.path()).back().folder);
  load_state(next.replica, manifest, checkpoint::Parts::weights_and_moments, next_world);
  next.trainer.set_progress(manifest.progress);
  test_runtime().world().barrier();
}

TEST_P(LayoutBits, GoOnAtAnotherLayoutAsIfNothingHadHappened) {
  if (test_runtime().world_size() != 4) return;
  const auto at = [](int data, int tensor, int micro) {
    return Case{.data = data,
                .tensor = tensor,
                .micro = micro,
                .precision = precision(),
                .reproducible = "layout",
                .family = family()};
  };
  const Case whole = at(1, 1, 8), grid = at(2, 2, 2), tensor = at(1, 4, 4);
  Communicator& world = test_runtime().world();
  Serial undisturbed(whole);
  undisturbed.job.losses_of(whole, 0, 4);
  const std::vector<double> expected = undisturbed.job.losses_of(whole, 4, 2);

  Parallel first(grid);
  first.job.losses_of(grid, 0, 2);
  Serial second(whole);  // on each rank
  hand_over(first.job, world, true, second.job, *second.self);
  second.job.losses_of(whole, 2, 2);
  Parallel third(tensor);
  hand_over(second.job, *second.self, world.rank() == 0, third.job, world);
  EXPECT_EQ(third.job.losses_of(tensor, 4, 2), expected);
  EXPECT_EQ(sha256_of(third.job.replica, world), sha256_of(undisturbed.job.replica, *undisturbed.self));
  EXPECT_EQ(third.job.trainer.checked_digest(), undisturbed.job.trainer.checked_digest());
}

INSTANTIATE_TEST_SUITE_P(AllFamilies, LayoutBits,
                         ::testing::Combine(::testing::Values("gpt", "bert", "modern_encoder"),
                                            ::testing::Values("fp32", "bf16")));

}  // namespace
}  // namespace phalanx
