// Checkpoints written in the background by several ranks: all see the same outcome, and the slowest decides when.
#include <gmock/gmock.h>

#include <array>
#include <filesystem>
#include <optional>

#include "core/check.h"
#include "parallel/grid.h"
#include "tests/support/mpi_main.h"
#include "tests/support/shared_folder.h"
#include "tests/trainer/checkpoint_fixture.h"
#include "trainer/agree.h"
#include "trainer/checkpoint/background_save.h"
#include "trainer/checkpoint/owned_digest.h"

namespace phalanx::checkpoint::test {
namespace {

using ::testing::HasSubstr;

class BackgroundSaveMpi : public ::testing::Test {
 protected:
  [[nodiscard]] std::unique_ptr<RankState> state_on(const Grid& grid, bool sharded) const {
    const Coord here = grid.coord(world_.rank());
    auto rank = std::make_unique<RankState>(odd_table(), sharded ? grid.data : 1, grid.tensor, sharded ? here.data : 0,
                                            here.tensor, 333);
    rank->state().writes = sharded || here.data == 0;
    return rank;
  }
  SaveOrder order(const OwnedState& state, std::int64_t step) {
    SaveOrder order{folder_.path(), progress_at(step), provenance(), 2, 0};
    order.progress.digest = sum_over_ranks(digest_of_owned(state), world_);
    return order;
  }
  // The loop's reduction, step by step; how many it took.
  std::pair<SaveOutcome, int> steps_until_done(BackgroundSave& save) {
    for (int steps = 1;; ++steps) {
      const BackgroundSave::Flags mine = save.flags();
      std::array<bool, 2> flags = {mine.busy, mine.failed};
      any_rank(world_, flags);
      if (const auto outcome = save.advance({flags[0], flags[1]})) return {*outcome, steps};
    }
  }

  Communicator& world_ = test_runtime().world();
  const phalanx::testing::SharedFolder folder_{"phalanx_background"};
};

TEST_F(BackgroundSaveMpi, AnyGridSavesWhatAnotherLoads) {
  std::int64_t step = 0;
  for (int tensor = 1; tensor <= world_.size(); tensor *= 2) {
    for (const bool sharded : {true, false}) {
      const Grid grid{world_.size() / tensor, tensor};
      const auto live = state_on(grid, sharded);
      const auto copy = state_on(grid, sharded);
      live->fill();
      BackgroundSave save(copy->state(), world_);
      save.begin(order(live->state(), ++step), live->state());
      const auto [outcome, steps] = steps_until_done(save);
      ASSERT_EQ(outcome.error, "");
      EXPECT_GE(steps, 2) << "the commit comes at least a step after the writing";
      const auto loaded = state_on({1, world_.size()}, true);
      load(read_manifest(outcome.folder), Parts::weights_and_moments, loaded->state());
      for (int kind = 0; kind < 3; ++kind) EXPECT_EQ(loaded->differences(kind), 0);
      world_.barrier();  // retention may remove it after the next one
    }
  }
}

TEST_F(BackgroundSaveMpi, AFailureOnOneRankIsTheSameOutcomeOnAllAndTheNextSaveWorks) {
  const Grid grid{world_.size(), 1};
  const auto live = state_on(grid, true);
  const auto copy = state_on(grid, true);
  live->fill();
  OwnedState snapshot = copy->state();
  const bool last = world_.rank() + 1 == world_.size();
  BackgroundSave good(copy->state(), world_);
  good.begin(order(live->state(), 1), live->state());
  EXPECT_EQ(good.finish()->error, "");
  if (last) {  // cannot be written
    snapshot.m.dtype = DType::bf16;
    snapshot.m.shape = {2 * snapshot.layout->own_count()};
  }
  BackgroundSave bad(snapshot, world_);
  bad.begin(order(live->state(), 2), live->state());
  const SaveOutcome outcome = steps_until_done(bad).first;
  EXPECT_EQ(outcome.folder, "");
  EXPECT_THAT(outcome.error, HasSubstr("checkpoint of step 2 not saved"));
  EXPECT_EQ(outcome.error, share_text(world_, outcome.error));
  EXPECT_EQ(checkpoint::find_latest(folder_.path(), world_), folder_.path() + "/step_00000001");
  good.begin(order(live->state(), 3), live->state());
  EXPECT_EQ(good.finish()->folder, folder_.path() + "/step_00000003");
}

TEST_F(BackgroundSaveMpi, AFolderThatCannotBeMadeIsTheSameErrorOnAll) {
  const auto live = state_on({world_.size(), 1}, true);
  const auto copy = state_on({world_.size(), 1}, true);
  BackgroundSave save(copy->state(), world_);
  SaveOrder asked = order(live->state(), 1);
  asked.checkpoints = "/proc/checkpoints";
  EXPECT_THROW(save.begin(asked, live->state()), AgreedError);
  EXPECT_FALSE(save.active());
}

}  // namespace
}  // namespace phalanx::checkpoint::test
