// Checkpoints by several ranks: any grid loads what any grid saved, and a failure on one rank is the same error on all.
#include <gmock/gmock.h>

#include <filesystem>
#include <optional>

#include "core/check.h"
#include "parallel/grid.h"
#include "tests/support/mpi_main.h"
#include "tests/trainer/checkpoint_fixture.h"
#include "trainer/agree.h"

namespace phalanx::checkpoint::test {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

// One folder for all ranks, made and removed by rank 0.
class CheckpointMpi : public testing::Test {
 protected:
  CheckpointMpi() {
    if (world_.rank() == 0) folder_.emplace();
    path_ = share_text(world_, folder_ ? folder_->path() : "");
  }
  ~CheckpointMpi() override { world_.barrier(); }

  [[nodiscard]] std::vector<Grid> grids() const {
    std::vector<Grid> all;
    for (int tensor = 1; tensor <= world_.size(); ++tensor) {
      if (world_.size() % tensor == 0) all.push_back({world_.size() / tensor, tensor});
    }
    return all;
  }
  // This rank's part when the optimizer is sharded over the data axis, or when every data rank holds all of it.
  [[nodiscard]] std::unique_ptr<RankState> state_on(const Grid& grid, bool sharded) const {
    const Coord here = grid.coord(world_.rank());
    auto rank = std::make_unique<RankState>(odd_table(), sharded ? grid.data : 1, grid.tensor, sharded ? here.data : 0,
                                            here.tensor, 333);
    rank->state().writes = sharded || here.data == 0;
    return rank;
  }
  std::string save_on(const Grid& grid, bool sharded, std::int64_t step) {
    const std::unique_ptr<RankState> rank = state_on(grid, sharded);
    rank->fill();
    return save(path_, progress_at(step), provenance(), rank->state(), world_);
  }
  // The same save with a last rank that cannot write its state; its message on this rank.
  std::string failing_save(std::int64_t step) {
    const std::unique_ptr<RankState> rank = state_on({world_.size(), 1}, true);
    rank->fill();
    if (world_.rank() + 1 == world_.size()) rank->state().master.shape = {1};
    return message_of([&] { save(path_, progress_at(step), provenance(), rank->state(), world_); });
  }
  static std::string message_of(const std::function<void()>& f) {
    try {
      f();
    } catch (const AgreedError& e) {
      return e.what();
    }
    return "no error";
  }
  [[nodiscard]] int entries() const {
    return static_cast<int>(std::distance(fs::directory_iterator(path_), fs::directory_iterator()));
  }

  Communicator& world_ = test_runtime().world();
  std::optional<TemporaryFolder> folder_;
  std::string path_;
};

TEST_F(CheckpointMpi, AnyGridLoadsWhatAnyGridSavedBitForBit) {
  std::int64_t step = 0;
  for (const Grid& from : grids()) {
    for (const bool sharded : {true, false}) {
      const Manifest manifest = read_manifest(save_on(from, sharded, ++step));
      for (const Grid& to : grids()) {
        for (const bool to_sharded : {true, false}) {
          const std::unique_ptr<RankState> rank = state_on(to, to_sharded);
          load(manifest, Parts::weights_and_moments, rank->state());
          for (int kind = 0; kind < 3; ++kind) {
            EXPECT_EQ(rank->differences(kind), 0)
                << from.data << "x" << from.tensor << " to " << to.data << "x" << to.tensor << ", kind " << kind;
          }
        }
      }
    }
  }
}

TEST_F(CheckpointMpi, OnlyRanksThatOwnStateWriteFiles) {
  const Grid grid = {world_.size(), 1};
  const std::string sharded = save_on(grid, true, 1);
  EXPECT_EQ(read_manifest(sharded).files.size(), static_cast<std::size_t>(world_.size()) + 1);
  const std::string whole = save_on(grid, false, 2);
  EXPECT_EQ(read_manifest(whole).files.size(), 2U);
}

TEST_F(CheckpointMpi, AFailureOnOneRankIsTheSameErrorOnAllAndLeavesNothing) {
  const std::string good = save_on({1, world_.size()}, true, 10);
  const std::string message = failing_save(20);
  EXPECT_THAT(message, AllOf(HasSubstr("checkpoint of step 20 not saved"), HasSubstr("state to save")));
  EXPECT_THAT(message, HasSubstr(world_.size() > 1 ? str("rank ", world_.size() - 1, ":") : "checkpoint"));
  EXPECT_EQ(message, share_text(world_, message));
  EXPECT_EQ(entries(), 2);  // the good one and `latest`
  EXPECT_EQ(checkpoint::find_latest(path_, world_), good);
}

TEST_F(CheckpointMpi, AFailureOfTheCommitIsTheSameErrorOnAllAndLeavesNothing) {
  const std::unique_ptr<RankState> rank = state_on({world_.size(), 1}, true);
  Provenance made = provenance();
  made.tokenizer_folder = path_ + "/no_tokenizer";
  const std::string message = message_of([&] { save(path_, progress_at(1), made, rank->state(), world_); });
  EXPECT_THAT(message, AllOf(HasSubstr("checkpoint of step 1 not saved"), HasSubstr("no_tokenizer")));
  EXPECT_EQ(message, share_text(world_, message));
  EXPECT_EQ(entries(), 0);
}

TEST_F(CheckpointMpi, AllRanksPassOverTheSameDamagedCheckpoint) {
  const std::string good = save_on({world_.size(), 1}, true, 10);
  const std::string bad = save_on({world_.size(), 1}, true, 20);
  EXPECT_EQ(checkpoint::find_latest(path_, world_), bad);
  if (world_.rank() == 0) {
    const std::string last = str(bad, "/rank_0000", world_.size() - 1, ".h5");
    const auto bytes = fs::file_size(last);
    fs::resize_file(last, bytes / 2);
    fs::resize_file(last, bytes);  // zeros: the size is right
  }
  world_.barrier();
  EXPECT_EQ(checkpoint::find_latest(path_, world_), good);
}

TEST_F(CheckpointMpi, NoCheckpointIsNoneOnEveryRank) {
  EXPECT_EQ(checkpoint::find_latest(path_ + "/none", world_), std::nullopt);
}

}  // namespace
}  // namespace phalanx::checkpoint::test
