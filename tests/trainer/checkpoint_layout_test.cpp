// Any layout loads any checkpoint, bit for bit.
#include <gmock/gmock.h>

#include "core/check.h"
#include "parallel/comm_self.h"
#include "tests/trainer/checkpoint_fixture.h"

namespace phalanx::checkpoint::test {
namespace {

using testing::HasSubstr;

struct Grid2 {
  int data, tensor, shards_per_rank;
  std::int64_t bucket_elements;
};

class CheckpointLayouts : public testing::TestWithParam<Grid2> {};

TEST_P(CheckpointLayouts, LoadsIntoEveryOtherLayoutBitForBit) {
  const TemporaryFolder folder;
  const Grid2 from = GetParam();
  const std::string saved =
      save_all(folder.path(), 40, odd_table(), from.data, from.tensor, from.bucket_elements, from.shards_per_rank);
  const Manifest manifest = read_manifest(saved);
  verify(manifest);
  for (const Grid2 to : {Grid2{1, 1, 1, 1 << 20}, Grid2{4, 1, 1, 300}, Grid2{1, 4, 1, 50}, Grid2{2, 1, 1, 1},
                         Grid2{2, 2, 1, 500}, Grid2{1, 2, 2, 4000}}) {
    for (int d = 0; d < to.data; ++d) {
      for (int t = 0; t < to.tensor; ++t) {
        RankState rank(odd_table(), to.data, to.tensor, d, t, to.bucket_elements, to.shards_per_rank);
        load(manifest, Parts::weights_and_moments, rank.state());
        for (int kind = 0; kind < 3; ++kind) {
          EXPECT_EQ(rank.differences(kind), 0)
              << "kind " << kind << " at data " << d << " tensor " << t << " of " << to.data << "x" << to.tensor;
          EXPECT_EQ(rank.nonzero_gaps(kind), 0);
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Saved, CheckpointLayouts,
                         testing::Values(Grid2{2, 2, 1, 400}, Grid2{1, 1, 1, 100}, Grid2{4, 1, 1, 1 << 20},
                                         Grid2{1, 4, 1, 700}, Grid2{3, 1, 1, 64}, Grid2{1, 1, 4, 900}));

TEST(Checkpoint, WeightsAloneLeaveTheMomentsAsTheyAre) {
  const TemporaryFolder folder;
  const Manifest manifest = read_manifest(save_all(folder.path(), 1, odd_table(), 2, 1, 400));
  RankState rank(odd_table(), 1, 1, 0, 0, 400);
  load(manifest, Parts::weights, rank.state());
  EXPECT_EQ(rank.differences(0), 0);
  EXPECT_THAT(rank.values(1), testing::Each(-7.0F));
  EXPECT_THAT(rank.values(2), testing::Each(-7.0F));
}

TEST(Checkpoint, WeightsWithoutMomentsCanBeSavedAndRefuseToResume) {
  const TemporaryFolder folder;
  const auto self = make_self_communicator("self");
  RankState rank(odd_table(), 1, 1, 0, 0, 400);
  rank.fill();
  OwnedState weights = rank.state();
  weights.m = weights.v = Tensor{};
  const Manifest manifest = read_manifest(save(folder.path(), progress_at(1), provenance(), weights, *self));
  verify(manifest);
  RankState loaded(odd_table(), 1, 1, 0, 0, 100);
  load(manifest, Parts::weights, loaded.state());
  EXPECT_EQ(loaded.differences(0), 0);
  EXPECT_THAT([&] { load(manifest, Parts::weights_and_moments, loaded.state()); },
              testing::ThrowsMessage<Error>(HasSubstr("no optimizer state")));
}

TEST(Checkpoint, ManifestKeepsEveryNumberAndName) {
  const TemporaryFolder folder;
  Provenance made = provenance();
  made.data_ranks = 2;
  const Manifest manifest = read_manifest(save_all(folder.path(), 1000, odd_table(), 2, 1, 400, 1, made));
  EXPECT_EQ(manifest.folder, folder.path() + "/step_00001000");
  EXPECT_EQ(manifest.progress.step, 1000);
  EXPECT_EQ(manifest.progress.sequences_consumed, 32000);
  EXPECT_EQ(manifest.progress.tokens_consumed, 4096000);
  EXPECT_EQ(manifest.progress.adam_t, 999);
  EXPECT_EQ(manifest.progress.phase, 1);
  EXPECT_EQ(manifest.progress.loss, 0.1 + 0.2);
  EXPECT_EQ(manifest.progress.digest, progress_at(1000).digest);
  EXPECT_EQ(manifest.progress.loss_scale, 1024.0);
  EXPECT_EQ(manifest.provenance.config_yaml, made.config_yaml);
  EXPECT_EQ(manifest.provenance.tokenizer_digest, "abc");
  EXPECT_EQ(manifest.provenance.data_digest, "def");
  EXPECT_EQ(manifest.provenance.precision, "bf16");
  EXPECT_EQ(manifest.provenance.data_ranks, 2);
  EXPECT_EQ(manifest.provenance.tokenizer_folder, "");
  ASSERT_EQ(manifest.table.size(), odd_table().size());
  for (std::size_t t = 0; t < manifest.table.size(); ++t) {
    EXPECT_EQ(manifest.table[t].name, odd_table()[t].name);
    EXPECT_EQ(manifest.table[t].shape, odd_table()[t].shape);
  }
}

TEST(Checkpoint, ATensorThatDiffersIsNamedWithBothShapes) {
  const TemporaryFolder folder;
  const Manifest manifest = read_manifest(save_all(folder.path(), 1, odd_table(), 1, 1, 400));
  const auto load_into = [&](const ParamTable& table) {
    RankState rank(table, 1, 1, 0, 0, 400);
    load(manifest, Parts::weights, rank.state());
  };
  ParamTable other = odd_table();
  other[5].shape = {11};
  EXPECT_THAT([&] { load_into(other); }, testing::ThrowsMessage<Error>(HasSubstr("gamma is (9), the model's is (11)")));
  other = odd_table();
  other.pop_back();
  EXPECT_THAT([&] { load_into(other); },
              testing::ThrowsMessage<Error>(HasSubstr("holds gamma (9), which the model does not have")));
  other = odd_table();
  other.push_back({.name = "beta", .shape = {3}});
  EXPECT_THAT([&] { load_into(other); },
              testing::ThrowsMessage<Error>(HasSubstr("does not hold beta (3), which the model has")));
}

TEST(Checkpoint, ValuesThatSpanManyChecksummedMebibytesLoadBack) {
  const TemporaryFolder folder;
  const ParamTable table = {{.name = "down", .shape = {1033, 516}, .split = Split::columns}};
  const Manifest manifest = read_manifest(save_all(folder.path(), 1, table, 3, 2, 100000));
  EXPECT_GT(manifest.files[0].checksum.chunks.size(), 1U);
  for (int t = 0; t < 4; ++t) {
    RankState rank(table, 1, 4, 0, t, 1 << 20);
    load(manifest, Parts::weights_and_moments, rank.state());
    for (int kind = 0; kind < 3; ++kind) EXPECT_EQ(rank.differences(kind), 0) << "kind " << kind << " tensor " << t;
  }
}

TEST(Checkpoint, TheSameStateGivesTheSameBytes) {
  const TemporaryFolder a;
  const TemporaryFolder b;
  const Manifest first = read_manifest(save_all(a.path(), 1, odd_table(), 2, 1, 400));
  const Manifest second = read_manifest(save_all(b.path(), 1, odd_table(), 2, 1, 400));
  ASSERT_EQ(first.files.size(), second.files.size());
  for (std::size_t f = 0; f < first.files.size(); ++f) {
    EXPECT_EQ(first.files[f].checksum.chunks, second.files[f].checksum.chunks) << first.files[f].name;
  }
}

}  // namespace
}  // namespace phalanx::checkpoint::test
