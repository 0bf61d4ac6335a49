// Bits that flip between updates are found, with rank, kind of state and tensor.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/check.h"
#include "tests/support/tiny_job.h"

namespace phalanx {
namespace {

using namespace testing::tiny;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Steps, with the state watched after the second, until a step fails; its message on every rank.
std::string failure(const Case& c, int flip_after, const std::function<void(Replica&)>& flip) {
  Parallel job(c);
  job.job.config.run.digest_every = 2;
  for (int step = 0; step < 4; ++step) {
    try {
      job.job.step(c, step);
    } catch (const AgreedError& error) {
      return error.what();
    }
    if (step + 1 == flip_after) flip(job.job.replica);
  }
  return "nothing was found";
}

void flip_bit(const Tensor& tensor, std::int64_t element) {
  tensor.data[element * bytes_of(tensor.dtype)] ^= std::byte{1};  // the lowest bit
}

const OwnedPiece& piece_of(const Replica& replica) { return replica.optimizer().pieces().front(); }

class StateWatchTest : public ::testing::TestWithParam<StateKind> {};

TEST_P(StateWatchTest, AFlippedBitIsNamedByRankAndTensor) {
  const int ranks = test_runtime().world_size();
  std::vector<Case> cases = {{.data = ranks, .micro = 1, .precision = "bf16"},
                             {.tensor = ranks, .micro = 4, .precision = "bf16"},
                             {.data = ranks, .micro = 1, .shard = false, .precision = "bf16"}};
  // In fp32 without sharding the weights are the masters.
  if (GetParam() != StateKind::weights) cases.push_back({.data = ranks, .micro = 1, .shard = false});
  for (const Case& c : cases) {
    std::string tensor;
    const std::string message = failure(c, 2, [&](Replica& replica) {
      const OwnedPiece& piece = piece_of(replica);
      tensor = replica.layout().table()[static_cast<std::size_t>(piece.spec)].name;
      if (test_runtime().world_rank() != ranks - 1) return;
      switch (GetParam()) {
        case StateKind::weights: return flip_bit(replica.parameters().flat_weights(), piece.flat_offset);
        case StateKind::master: return flip_bit(replica.optimizer().master(), piece.own_offset);
        case StateKind::m: return flip_bit(replica.optimizer().m(), piece.own_offset);
        case StateKind::v: return flip_bit(replica.optimizer().v(), piece.own_offset);
      }
    });
    const std::string rank = ranks > 1 ? str("rank ", ranks - 1, ": ") : std::string();
    EXPECT_THAT(message, StartsWith(str(rank, name_of(GetParam()), " of ")));
    EXPECT_THAT(message, HasSubstr(" changed after the update of step 2;"));
    if (test_runtime().world_rank() == ranks - 1) {
      EXPECT_THAT(message, HasSubstr(" of " + tensor + " changed"));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(EveryKind, StateWatchTest,
                         ::testing::Values(StateKind::weights, StateKind::master, StateKind::m, StateKind::v));

// Not watched when the bit flips; each rank goes on with its own copy. Of 4 copies the wrong one is known, of 2 it is
// not.
TEST(StateWatch, CopiesThatDifferAreFoundThoughNoneChanges) {
  const int ranks = test_runtime().world_size();
  if (ranks == 1) return;
  const auto spoil_last_rank = [&](Replica& replica) {
    if (test_runtime().world_rank() == ranks - 1) replica.optimizer().m().as<float>()[0] += 1.0F;
  };
  for (const Case& c : {Case{.data = ranks, .micro = 1, .shard = false}, Case{.tensor = ranks, .shard = false}}) {
    const std::string message = failure(c, 1, spoil_last_rank);
    const std::string rank = ranks > 2 ? str("rank ", ranks - 1, ": ") : std::string("rank 0: ");
    EXPECT_THAT(message, StartsWith(rank + "after the update of step 2, "));
    EXPECT_THAT(message, HasSubstr(str(" differ from ", ranks - 1, " of the ", ranks, " copies that ranks hold")));
    EXPECT_EQ(message.find("cannot be told") != std::string::npos, ranks == 2);
  }
}

TEST(StateWatch, AnUndisturbedRunIsNotStopped) {
  const int ranks = test_runtime().world_size();
  for (const char* precision : {"fp32", "bf16"}) {
    for (const bool shard : {true, false}) {
      for (const char* reproducible : {"same_layout", "layout"}) {
        for (int tensor = 1; tensor <= ranks; tensor *= 2) {
          const Case c{.data = ranks / tensor,
                       .tensor = tensor,
                       .micro = 1,
                       .shard = shard,
                       .precision = precision,
                       .reproducible = reproducible};
          EXPECT_EQ(failure(c, 0, [](Replica&) {}), "nothing was found");
        }
      }
    }
  }
}

TEST(StateWatch, DigestsDifferFromStepToStep) {
  const Case c{.data = test_runtime().world_size(), .micro = 1};
  Parallel job(c);
  StateDigest last = job.job.trainer.checked_digest();
  for (int step = 0; step < 3; ++step) {
    job.job.step(c, step);
    const StateDigest now = job.job.trainer.checked_digest();
    EXPECT_NE(now.master, last.master);
    EXPECT_NE(now.m, last.m);
    EXPECT_NE(now.v, last.v);
    last = now;
  }
}

}  // namespace
}  // namespace phalanx
