// Two checkpoints of one model, tensor by tensor, whatever their layouts.
#include "trainer/checkpoint/compare.h"

#include <gmock/gmock.h>

#include <cmath>
#include <functional>

#include "core/check.h"
#include "parallel/shard_index.h"
#include "tests/trainer/checkpoint_fixture.h"

namespace phalanx::checkpoint::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

class CheckpointCompare : public testing::Test {
 protected:
  // A checkpoint of one rank with a state that `change` may touch first.
  Manifest save_changed(std::int64_t step, const std::function<void(RankState&)>& change) {
    RankState rank(odd_table(), 1, 1, 0, 0, 400);
    rank.fill();
    change(rank);
    return read_manifest(save(root_.path(), progress_at(step), provenance(), rank.state(), *self_));
  }
  Manifest save_layout(std::int64_t step, int data_ranks, int tensor_ranks, int shards = 1) {
    return read_manifest(save_all(root_.path(), step, odd_table(), data_ranks, tensor_ranks, 333, shards));
  }
  // Where element `global` of a tensor lies in a rank's own part.
  static std::size_t place(const RankState& rank, std::size_t tensor, std::int64_t global) {
    for (const OwnedPiece& p : rank.layout().owned_pieces(0, 0)) {
      if (static_cast<std::size_t>(p.spec) != tensor) continue;
      for (std::int64_t i = 0; i < p.count; ++i) {
        if (global_index(odd_table()[tensor], p.shard, p.shard_count, p.begin + i) == global) {
          return static_cast<std::size_t>(p.own_offset + i);
        }
      }
    }
    throw Error("no such element");
  }

  TemporaryFolder root_;
  std::unique_ptr<Communicator> self_ = make_self_communicator("self");
};

TEST_F(CheckpointCompare, TheSameStateIsEqualWhateverTheLayouts) {
  const Manifest one = save_layout(1, 1, 1);
  for (const auto& [data, tensor, shards] : {std::tuple{1, 1, 1}, {3, 1, 1}, {1, 4, 1}, {2, 2, 1}, {1, 1, 4}}) {
    const Comparison found = compare(one, save_layout(2, data, tensor, shards));
    EXPECT_TRUE(found.equal()) << data << " x " << tensor << ", " << shards << " shards";
    EXPECT_TRUE(found.moments);
    EXPECT_EQ(found.a, found.b);
    EXPECT_EQ(found.tensors.size(), odd_table().size());
  }
}

TEST_F(CheckpointCompare, OneChangedElementIsFoundInItsTensorAndKindAlone) {
  constexpr std::size_t kDown = 3;
  const auto set_to = [&](float value) {
    return [=](RankState& rank) { rank.state().m.as<float>()[place(rank, kDown, 50)] = value; };
  };
  const Comparison found = compare(save_changed(1, set_to(1.5F)), save_changed(2, set_to(-0.75F)));
  for (std::size_t t = 0; t < found.tensors.size(); ++t) {
    for (std::size_t kind = 0; kind < 3; ++kind) {
      const bool here = t == kDown && kind == 1;
      EXPECT_EQ(found.tensors[t].kinds[kind].differing, here ? 1 : 0) << t << " " << kind;
      EXPECT_EQ(found.tensors[t].kinds[kind].largest, here ? 2.25 : 0.0) << t << " " << kind;
    }
  }
  EXPECT_FALSE(found.equal());
  EXPECT_EQ(found.a.master, found.b.master);
  EXPECT_NE(found.a.m, found.b.m);
  EXPECT_EQ(found.a.v, found.b.v);
}

TEST_F(CheckpointCompare, ValuesThatAreNotFiniteCompareByTheirBits) {
  const auto set_to = [&](float value) {
    return [=](RankState& rank) { rank.state().master.as<float>()[place(rank, 1, 5)] = value; };
  };
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(compare(save_changed(1, set_to(nan)), save_changed(2, set_to(nan))).equal());
  const KindDifference found = compare(save_changed(1, set_to(nan)), save_changed(2, set_to(1))).tensors[1].kinds[0];
  EXPECT_EQ(found.differing, 1);
  EXPECT_FALSE(std::isfinite(found.largest));
}

TEST_F(CheckpointCompare, WeightsAloneAreComparedWhereOneHoldsNoMoments) {
  const auto drop = [](RankState& rank) { rank.state().m = rank.state().v = Tensor{}; };
  const Comparison found = compare(save_changed(1, drop), save_layout(2, 2, 1));
  EXPECT_FALSE(found.moments);
  EXPECT_TRUE(found.equal());
  EXPECT_EQ(found.b.m, 0U);
}

TEST_F(CheckpointCompare, AnotherModelIsRefusedByTensor) {
  const Manifest good = save_layout(1, 1, 1);
  Manifest other = good;
  other.table[2].name = "qkv2";
  EXPECT_THAT([&] { compare(good, other); }, ThrowsMessage<UsageError>(AllOf(HasSubstr("qkv"), HasSubstr("not hold"))));
  other = good;
  other.table[1].shape = {9, 7};
  EXPECT_THAT([&] { compare(good, other); },
              ThrowsMessage<UsageError>(AllOf(HasSubstr("positions"), HasSubstr("(7, 9)"), HasSubstr("(9, 7)"))));
  other = good;
  other.table.pop_back();
  EXPECT_THAT([&] { compare(other, good); }, ThrowsMessage<UsageError>(HasSubstr("gamma")));
}

TEST_F(CheckpointCompare, ADamagedFileIsNamed) {
  const Manifest good = save_layout(1, 1, 1);
  const Manifest bad = save_layout(2, 1, 1);
  const std::string file = bad.folder + "/rank_00000.h5";
  const auto bytes = std::filesystem::file_size(file);
  std::filesystem::resize_file(file, bytes / 2);
  std::filesystem::resize_file(file, bytes);
  EXPECT_THAT([&] { compare(good, bad); }, ThrowsMessage<Error>(HasSubstr(file)));
}

}  // namespace
}  // namespace phalanx::checkpoint::test
