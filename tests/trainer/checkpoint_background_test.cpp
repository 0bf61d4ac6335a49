// A checkpoint that is written while training goes on: it is the one that a save at once would have written, or none.
#include "trainer/checkpoint/background_save.h"

#include <gmock/gmock.h>
#include <omp.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <thread>

#include "core/check.h"
#include "core/file.h"
#include "core/random.h"
#include "tests/support/file_size_limit.h"
#include "tests/trainer/checkpoint_fixture.h"
#include "trainer/checkpoint/owned_digest.h"

namespace phalanx::checkpoint::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::ThrowsMessage;
using testing::UnorderedElementsAre;

class BackgroundSaveTest : public testing::Test {
 protected:
  // One thread: children that are forked have no others.
  BackgroundSaveTest() {
    omp_set_num_threads(1);
    live_.fill();
  }
  [[nodiscard]] SaveOrder order(std::int64_t step, std::int64_t keep = 1000) {
    SaveOrder order{root_.path(), progress_at(step), provenance(), keep, 0};
    order.progress.digest = digest_of_owned(live_.state());
    return order;
  }
  // Steps of the loop until the save is over.
  static SaveOutcome steps_until_done(BackgroundSave& save) {
    for (;;) {
      const auto outcome = save.advance(save.flags());
      if (outcome) return *outcome;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  void change_live_state() {
    Tensor& master = live_.state().master;
    std::fill_n(master.as<float>(), master.count(), 5.0F);
  }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(root_.path())) found.push_back(entry.path().filename().string());
    return found;
  }
  void expect_loads(const std::string& folder) const {
    RankState loaded(odd_table(), 1, 1, 0, 0, 100);
    load(read_manifest(folder), Parts::weights_and_moments, loaded.state());
    for (int kind = 0; kind < 3; ++kind) EXPECT_EQ(loaded.differences(kind), 0);
  }

  TemporaryFolder root_;
  std::unique_ptr<Communicator> self_ = make_self_communicator("self");
  RankState live_{odd_table(), 1, 1, 0, 0, 400};
  RankState copy_{odd_table(), 1, 1, 0, 0, 400};
  BackgroundSave save_{copy_.state(), *self_};
};

TEST_F(BackgroundSaveTest, HoldsTheStateOfItsBeginningWhateverTrainingDoesMeanwhile) {
  save_.begin(order(7), live_.state());
  change_live_state();
  EXPECT_TRUE(save_.active());
  const SaveOutcome outcome = steps_until_done(save_);
  EXPECT_FALSE(save_.active());
  EXPECT_EQ(outcome.error, "");
  EXPECT_EQ(outcome.step, 7);
  EXPECT_EQ(outcome.folder, root_.path() + "/step_00000007");
  EXPECT_GT(outcome.seconds, 0.0);
  EXPECT_THAT(names(), UnorderedElementsAre("step_00000007", "latest"));
  expect_loads(outcome.folder);
}

TEST_F(BackgroundSaveTest, WritesTheBytesOfASaveAtOnce) {
  const SaveOrder asked = order(7);
  const std::string at_once =
      checkpoint::save(root_.path() + "/at_once", asked.progress, provenance(), live_.state(), *self_);
  save_.begin(asked, live_.state());
  const std::string later = save_.finish()->folder;
  for (const auto& entry : fs::directory_iterator(at_once)) {
    const std::string name = entry.path().filename().string();
    constexpr std::int64_t kLimit = 1 << 24;
    EXPECT_EQ(read_text(str(at_once, "/", name), kLimit), read_text(str(later, "/", name), kLimit)) << name;
  }
}

TEST_F(BackgroundSaveTest, FinishWaitsAndIsNothingWhenNoneIsUnderWay) {
  EXPECT_FALSE(save_.finish().has_value());
  save_.begin(order(1), live_.state());
  EXPECT_TRUE(save_.finish().has_value());
  EXPECT_FALSE(save_.finish().has_value());
  EXPECT_FALSE(save_.advance({}).has_value());
}

TEST_F(BackgroundSaveTest, KeepsWhatRetentionKeeps) {
  for (const int step : {10, 20, 30}) {
    save_.begin(order(step, 2), live_.state());
    save_.finish();
  }
  EXPECT_THAT(names(), UnorderedElementsAre("step_00000020", "step_00000030", "latest"));
}

TEST_F(BackgroundSaveTest, OneAtATime) {
  save_.begin(order(1), live_.state());
  EXPECT_THROW(save_.begin(order(2), live_.state()), Error);
  EXPECT_EQ(save_.finish()->step, 1);
}

TEST_F(BackgroundSaveTest, AFailedWriteIsNamedAndLeavesTheLastGoodCheckpointAndNothingElse) {
  save_.begin(order(10), live_.state());
  save_.finish();
  const SaveOrder next = order(20);
  const auto fails_by_name = [&] {
    save_.begin(next, live_.state());
    const SaveOutcome failed = steps_until_done(save_);
    return failed.folder.empty() && failed.error.find("checkpoint of step 20 not saved") != std::string::npos &&
           failed.error.find("rank_00000.h5") != std::string::npos;
  };
  for (const rlim_t limit : {0, 1000, 5000, 20000}) {
    EXPECT_TRUE(with_file_size_limit(limit, fails_by_name)) << "limit " << limit;
    EXPECT_THAT(names(), UnorderedElementsAre("step_00000010", "latest"));
  }
  save_.begin(next, live_.state());
  expect_loads(steps_until_done(save_).folder);
}

TEST_F(BackgroundSaveTest, AnotherSaveFollowsOneThatFailed) {
  SaveOrder bad = order(1);
  bad.provenance.tokenizer_folder = root_.path() + "/no_tokenizer";
  save_.begin(bad, live_.state());
  EXPECT_NE(steps_until_done(save_).error, "");
  save_.begin(order(2), live_.state());
  expect_loads(steps_until_done(save_).folder);
}

TEST_F(BackgroundSaveTest, AFailedCommitIsNamedToo) {
  SaveOrder asked = order(1);
  asked.provenance.tokenizer_folder = root_.path() + "/no_tokenizer";
  save_.begin(asked, live_.state());
  EXPECT_THAT(steps_until_done(save_).error, HasSubstr("no_tokenizer"));
  EXPECT_TRUE(names().empty());
}

TEST_F(BackgroundSaveTest, ACopyThatIsNotTheCheckedStateBecomesNoCheckpoint) {
  SaveOrder asked = order(1);
  asked.progress.digest->v ^= 1;
  save_.begin(asked, live_.state());
  EXPECT_THAT([&] { steps_until_done(save_); },
              ThrowsMessage<AgreedError>(HasSubstr("memory of a host may be faulty")));
  EXPECT_TRUE(names().empty());
  EXPECT_FALSE(save_.active());
}

// Saves in the background for ever, in all the ways in which a loop may.
[[noreturn]] void save_for_ever(BackgroundSave& save, const OwnedState& live, const SaveOrder& first) {
  SaveOrder order = first;
  for (std::int64_t i = 2;; ++i) {
    order.progress.step = i / 2;  // every step twice, so that replacing is killed as well
    save.begin(order, live);
    if (i % 3 == 0) {
      save.finish();
    } else {
      while (!save.advance(save.flags())) std::this_thread::yield();
    }
  }
}

TEST_F(BackgroundSaveTest, AKillAtAnyInstantLeavesALoadableCheckpoint) {
  save_.begin(order(1, 1), live_.state());
  save_.finish();
  for (std::uint64_t trial = 0; trial < 40; ++trial) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) save_for_ever(save_, live_.state(), order(1, 1));
    // The first child shows that it saves at all.
    for (int i = 0; trial == 0 && i < 3000 && latest_step(root_.path()).value_or(0) < 3; ++i) usleep(10000);
    usleep(random_u32({.seed = 6, .purpose = Purpose::benchmark_tokens}, trial) % 40000);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    testing::internal::CaptureStderr();
    const std::optional<std::string> found = find_latest(root_.path());
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");  // not even a damaged one to pass over
    ASSERT_TRUE(found.has_value());
    expect_loads(*found);
    if (trial == 0) {
      EXPECT_GE(read_manifest(*found).progress.step, 3) << "the child did not save";
    }
  }
}

}  // namespace
}  // namespace phalanx::checkpoint::test
