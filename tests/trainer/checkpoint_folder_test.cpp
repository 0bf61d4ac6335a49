// Which checkpoint is the latest, which are kept, and what crashes and failures leave behind.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>

#include "core/check.h"
#include "core/file.h"
#include "core/random.h"
#include "parallel/comm_self.h"
#include "tests/support/file_size_limit.h"
#include "tests/trainer/checkpoint_fixture.h"

namespace phalanx::checkpoint::test {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;
using testing::UnorderedElementsAre;

class CheckpointFolder : public testing::Test {
 protected:
  CheckpointFolder() { rank_.fill(); }
  std::string save_step(std::int64_t step, const std::string& folder) {
    return save(folder, progress_at(step), provenance(), rank_.state(), *self_);
  }
  std::string save_step(std::int64_t step) { return save_step(step, root_.path()); }
  void damage(std::int64_t step) const {
    fs::resize_file(root_.path() + "/" + step_name(step) + "/rank_00000.h5", 100);
  }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(root_.path())) found.push_back(entry.path().filename().string());
    return found;
  }
  [[nodiscard]] std::vector<std::int64_t> steps() const {
    std::vector<std::int64_t> found;
    for (const Entry& entry : list(root_.path())) found.push_back(entry.step);
    return found;
  }
  void expect_loads(const std::string& folder) const {
    RankState loaded(odd_table(), 1, 1, 0, 0, 100);
    load(read_manifest(folder), Parts::weights_and_moments, loaded.state());
    for (int kind = 0; kind < 3; ++kind) EXPECT_EQ(loaded.differences(kind), 0);
  }

  TemporaryFolder root_;
  std::unique_ptr<Communicator> self_ = make_self_communicator("self");
  RankState rank_{odd_table(), 1, 1, 0, 0, 400};
};

TEST_F(CheckpointFolder, SaveLeavesTheCheckpointAndLatestAndNothingElse) {
  EXPECT_EQ(save_step(12), root_.path() + "/step_00000012");
  EXPECT_THAT(names(), UnorderedElementsAre("step_00000012", "latest"));
  EXPECT_EQ(fs::read_symlink(root_.path() + "/latest"), "step_00000012");
  std::vector<std::string> inside;
  for (const auto& entry : fs::directory_iterator(root_.path() + "/latest")) {
    inside.push_back(entry.path().filename().string());
  }
  EXPECT_THAT(inside, UnorderedElementsAre("manifest.json", "rank_00000.h5", "config.resolved.yaml"));
}

TEST_F(CheckpointFolder, StepNamesKeepTheirOrderAndForeignNamesAreNone) {
  EXPECT_EQ(step_name(0), "step_00000000");
  EXPECT_EQ(step_name(123456789012), "step_123456789012");
  EXPECT_EQ(step_of("step_123456789012"), 123456789012);
  for (const char* name : {"step_1000", "step_0000001x", "step_-0000001", "step_+0000001", "step_", "latest", "",
                           "step_99999999999999999999", ".step_00000001"}) {
    EXPECT_EQ(step_of(name), std::nullopt) << name;
  }
}

TEST_F(CheckpointFolder, ThereIsNoLatestInAFolderWithoutCheckpoints) {
  EXPECT_EQ(find_latest(root_.path()), std::nullopt);
  EXPECT_EQ(find_latest(root_.path() + "/none"), std::nullopt);
}

TEST_F(CheckpointFolder, ADamagedLatestIsPassedOverForTheNewestGoodOneBeforeIt) {
  for (const int step : {10, 20, 30}) save_step(step);
  EXPECT_EQ(find_latest(root_.path()), root_.path() + "/step_00000030");
  damage(30);
  testing::internal::CaptureStderr();
  EXPECT_EQ(find_latest(root_.path()), root_.path() + "/step_00000020");
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              AllOf(HasSubstr("warning"), HasSubstr("step_00000030/rank_00000.h5")));
  fs::remove(root_.path() + "/latest");
  EXPECT_EQ(find_latest(root_.path()), root_.path() + "/step_00000020");
}

TEST_F(CheckpointFolder, WhenAllAreDamagedTheRunMustNotStartAnewInSilence) {
  save_step(10);
  damage(10);
  EXPECT_THAT([&] { find_latest(root_.path()); }, ThrowsMessage<Error>(HasSubstr("all 1 checkpoints are damaged")));
}

TEST_F(CheckpointFolder, LatestDecidesEvenWhereNewerStepsExist) {
  for (const int step : {10, 20, 30}) save_step(step);
  point_latest(root_.path(), 10);
  EXPECT_EQ(find_latest(root_.path()), root_.path() + "/step_00000010");
  damage(10);
  EXPECT_EQ(find_latest(root_.path()), root_.path() + "/step_00000030");
}

TEST_F(CheckpointFolder, ResolveTakesACheckpointARunOrItsCheckpoints) {
  const std::string run = root_.path() + "/run";
  const std::string saved = save_step(5, run + "/checkpoints");
  for (const std::string& path : {saved, run, run + "/checkpoints"}) EXPECT_EQ(resolve(path), saved);
  EXPECT_EQ(resolve(run + "/checkpoints/latest"), run + "/checkpoints/latest");
  EXPECT_THAT([&] { resolve(root_.path() + "/nothing"); },
              ThrowsMessage<UsageError>(HasSubstr("/nothing: no checkpoint")));
}

TEST_F(CheckpointFolder, RetentionKeepsTheNewestAndEveryNth) {
  for (int step = 10; step <= 60; step += 10) save_step(step);
  apply_retention(root_.path(), 2, 30);
  EXPECT_THAT(steps(), ElementsAre(30, 50, 60));
  apply_retention(root_.path(), 1, 0);
  EXPECT_THAT(names(), UnorderedElementsAre("step_00000060", "latest"));
}

TEST_F(CheckpointFolder, RetentionNeverRemovesLatestWhereARunWentBack) {
  for (int step = 10; step <= 50; step += 10) save_step(step);
  save_step(20);
  apply_retention(root_.path(), 1, 0);
  EXPECT_THAT(steps(), ElementsAre(20, 30, 40, 50));
  EXPECT_EQ(find_latest(root_.path()), root_.path() + "/step_00000020");
}

TEST_F(CheckpointFolder, TheSameStepSavedAgainReplacesTheFirst) {
  save_step(10);
  RankState other(odd_table(), 1, 1, 0, 0, 99);
  const std::string again = save(root_.path(), progress_at(10), provenance(), other.state(), *self_);
  EXPECT_THAT(names(), UnorderedElementsAre("step_00000010", "latest"));
  RankState loaded(odd_table(), 1, 1, 0, 0, 100);
  load(read_manifest(again), Parts::weights, loaded.state());
  for (const RankState::Expected& e : loaded.expected(0)) EXPECT_TRUE(loaded.values(0)[e.own] == -7.0F || e.value == 0);
}

TEST_F(CheckpointFolder, WhatACrashLeftIsIgnoredAndCleanedByTheNextSave) {
  save_step(10);
  for (const char* name : {".step_00000020.tmp-0123456789abcdef", ".step_00000005.removed-0123456789abcdef",
                           ".step_00000010.old-0123456789abcdef", ".latest.tmp-0123456789abcdef"}) {
    fs::create_directories(root_.path() + "/" + name);
    write_text(root_.path() + "/" + name + "/rank_00000.h5", "half");
  }
  for (const char* name : {"notes.txt", ".step_00000020.tmp-mine", ".hidden"})
    write_text(root_.path() + "/" + name, "");
  EXPECT_EQ(find_latest(root_.path()), root_.path() + "/step_00000010");
  save_step(30);
  EXPECT_THAT(names(), UnorderedElementsAre("step_00000010", "step_00000030", "latest", "notes.txt",
                                            ".step_00000020.tmp-mine", ".hidden"));
}

TEST_F(CheckpointFolder, ACrashBetweenTheTwoRenamesOfAReplacementLosesNothing) {
  save_step(10);
  fs::rename(root_.path() + "/step_00000010", root_.path() + "/.step_00000010.old-0123456789abcdef");
  const std::optional<std::string> found = find_latest(root_.path());
  ASSERT_TRUE(found.has_value());
  expect_loads(*found);
  save_step(20);
  EXPECT_THAT(names(), UnorderedElementsAre("step_00000010", "step_00000020", "latest"));
  expect_loads(root_.path() + "/step_00000010");
}

TEST_F(CheckpointFolder, AKillAtAnyInstantLeavesALoadableCheckpoint) {
  save_step(1);
  for (std::uint64_t trial = 0; trial < 25; ++trial) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      // Every step is saved twice, so that replacing is killed as well.
      for (std::int64_t step = 2;; ++step) {
        save_step(step / 2);
        apply_retention(root_.path(), 1, 0);
      }
    }
    usleep(random_u32({.seed = 5, .purpose = Purpose::benchmark_tokens}, trial) % 40000);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    testing::internal::CaptureStderr();
    const std::optional<std::string> found = find_latest(root_.path());
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");  // not even a damaged one to pass over
    ASSERT_TRUE(found.has_value());
    expect_loads(*found);
  }
}

TEST_F(CheckpointFolder, AFailedWriteAtAnySizeLeavesTheLastGoodCheckpointAndNothingElse) {
  const std::string good = save_step(10);
  const auto bytes = fs::file_size(good + "/rank_00000.h5");
  const auto fails_by_name = [&] {
    try {
      save_step(20);
    } catch (const Error& e) {
      const std::string message = e.what();
      return message.find("checkpoint of step 20 not saved") != std::string::npos &&
             message.find("rank_00000.h5") != std::string::npos;
    }
    return false;
  };
  for (const std::uintmax_t limit :
       {std::uintmax_t{0}, std::uintmax_t{1000}, std::uintmax_t{5000}, bytes / 2, bytes - 1}) {
    EXPECT_TRUE(with_file_size_limit(limit, fails_by_name)) << "limit " << limit;
    EXPECT_THAT(names(), UnorderedElementsAre("step_00000010", "latest"));
  }
  expect_loads(*find_latest(root_.path()));
  save_step(20);
  expect_loads(*find_latest(root_.path()));
}

TEST_F(CheckpointFolder, AFolderThatCannotBeMadeIsNamed) {
  write_text(root_.path() + "/file", "");
  EXPECT_THAT([&] { save_step(1, root_.path() + "/file/checkpoints"); },
              ThrowsMessage<Error>(AllOf(HasSubstr("/file/checkpoints"), HasSubstr("Not a directory"))));
}

TEST_F(CheckpointFolder, AnUnwritableFolderIsNamed) {
  if (geteuid() == 0) {  // permissions do not bind root: a pseudo file system does
    EXPECT_THAT([&] { save_step(1, "/proc/checkpoints"); }, ThrowsMessage<Error>(HasSubstr("/proc/checkpoints")));
    return;
  }
  save_step(10);
  ASSERT_EQ(chmod(root_.path().c_str(), 0500), 0);
  EXPECT_THAT([&] { save_step(20); },
              ThrowsMessage<Error>(AllOf(HasSubstr(root_.path()), HasSubstr("Permission denied"))));
  EXPECT_EQ(find_latest(root_.path()), root_.path() + "/step_00000010");
  ASSERT_EQ(chmod(root_.path().c_str(), 0700), 0);
}

TEST_F(CheckpointFolder, ATokenizerThatIsNotThereFailsTheSaveByName) {
  Provenance made = provenance();
  made.tokenizer_folder = root_.path() + "/no_tokenizer";
  EXPECT_THAT([&] { save(root_.path(), progress_at(1), made, rank_.state(), *self_); },
              ThrowsMessage<Error>(HasSubstr("no_tokenizer")));
  EXPECT_TRUE(names().empty());
}

}  // namespace
}  // namespace phalanx::checkpoint::test
