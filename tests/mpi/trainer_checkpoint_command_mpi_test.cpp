// phalanx checkpoint list, verify and diff, as the command line calls them.
#include <gmock/gmock.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/check.h"
#include "tests/support/mpi_main.h"
#include "tests/trainer/checkpoint_fixture.h"
#include "trainer/agree.h"
#include "trainer/commands/command.h"

namespace phalanx::checkpoint::test {
namespace {

struct Result {
  int status = -1;
  std::string text;  // of this rank
};

Result call(const std::string& line) {
  commands::Selection selection;
  CLI::App app;
  commands::add_checkpoint(app, selection);
  app.parse("checkpoint " + line);
  testing::internal::CaptureStdout();
  Result result;
  try {
    result.status = selection.run(test_runtime());
  } catch (...) {
    testing::internal::GetCapturedStdout();
    throw;
  }
  result.text = testing::internal::GetCapturedStdout();
  return result;
}

// A run folder with checkpoints of steps 10 and 20, the same path on all ranks.
class CheckpointCommand : public testing::Test {
 protected:
  CheckpointCommand() {
    if (world_.rank() == 0) {
      folder_.emplace();
      for (const int step : {10, 20}) save_all(folder_->path() + "/checkpoints", step, odd_table(), 2, 1, 400);
      Provenance wider = provenance();
      wider.config_yaml = "model: {hidden: 1024, dropout: 0.5}\n";
      save_all(folder_->path() + "/wider", 10, odd_table(), 1, 1, 400, 1, wider);
    }
    path_ = share_text(world_, folder_ ? folder_->path() : "");
  }
  ~CheckpointCommand() override { world_.barrier(); }
  // Rank 0 speaks and decides the status; the others stay silent.
  void expect_silence_elsewhere(const Result& result) const {
    if (world_.rank() == 0) return;
    EXPECT_EQ(result.text, "");
    EXPECT_EQ(result.status, 0);
  }

  Communicator& world_ = test_runtime().world();
  std::optional<TemporaryFolder> folder_;
  std::string path_;
};

TEST_F(CheckpointCommand, ListPrintsOneJsonObjectWithEveryCheckpointOfARun) {
  const Result result = call("list --json " + path_);
  expect_silence_elsewhere(result);
  if (world_.rank() != 0) return;
  EXPECT_EQ(result.status, 0);
  const auto json = nlohmann::json::parse(result.text);
  ASSERT_EQ(json.at("checkpoints").size(), 2U);
  EXPECT_EQ(json.at("damaged"), 0);
  const auto& second = json.at("checkpoints")[1];
  EXPECT_EQ(second.at("step"), 20);
  EXPECT_EQ(second.at("tokens"), 20 * 4096);
  EXPECT_EQ(second.at("loss"), 0.1 + 0.2);
  EXPECT_EQ(second.at("parameters"), parameter_count(odd_table()));
  EXPECT_EQ(second.at("path"), path_ + "/checkpoints/step_00000020");
}

TEST_F(CheckpointCommand, VerifyNamesADamagedCheckpointAndEndsWithOne) {
  EXPECT_EQ(call("verify " + path_).status, 0);
  world_.barrier();
  const std::string file = path_ + "/checkpoints/step_00000010/rank_00001.h5";
  if (world_.rank() == 0) std::filesystem::resize_file(file, std::filesystem::file_size(file) - 1);
  world_.barrier();
  const Result result = call("verify --json " + path_ + "/checkpoints");
  expect_silence_elsewhere(result);
  if (world_.rank() != 0) return;
  EXPECT_EQ(result.status, 1);
  const auto json = nlohmann::json::parse(result.text);
  EXPECT_EQ(json.at("damaged"), 1);
  EXPECT_EQ(json.at("checkpoints")[0].at("intact"), false);
  EXPECT_THAT(json.at("checkpoints")[0].at("error").get<std::string>(), testing::HasSubstr(file));
  EXPECT_EQ(json.at("checkpoints")[1].at("intact"), true);
}

TEST_F(CheckpointCommand, DiffOfEqualStatesEndsWithZeroAndTellsTheirDigests) {
  const std::string checkpoints = path_ + "/checkpoints/";
  const Result result = call("diff --json " + checkpoints + "step_00000010 " + path_);
  expect_silence_elsewhere(result);
  const Result text = call("diff " + checkpoints + "step_00000010 " + checkpoints + "step_00000020");
  if (world_.rank() != 0) return;
  EXPECT_EQ(result.status, 0);
  const auto json = nlohmann::json::parse(result.text);
  EXPECT_EQ(json.at("equal"), true);
  EXPECT_EQ(json.at("tensors").size(), odd_table().size());
  EXPECT_EQ(json.at("tensors")[3].at("v").at("differing"), 0);
  EXPECT_EQ(json.at("a").at("digest"), json.at("b").at("digest"));
  EXPECT_EQ(json.at("b").at("step"), 20);
  EXPECT_EQ(text.status, 0);
  EXPECT_THAT(text.text, testing::HasSubstr("all 6 tensors are equal, bit for bit"));
}

TEST_F(CheckpointCommand, DiffOfOtherStatesEndsWithOneAndNamesTheTensor) {
  if (world_.rank() == 0) {
    RankState rank(odd_table(), 1, 1, 0, 0, 400);
    rank.fill();
    *rank.state().v.as<float>() = 0.25F;  // the first in flat order: of the last tensor
    SaveTarget target{path_, 30, path_ + "/" + hidden_name(30, "tmp", 1), {0}};
    std::filesystem::create_directories(target.temporary);
    write_part(target, 0, rank.state());
    commit(target, progress_at(30), provenance(), *rank.state().layout, true);
  }
  world_.barrier();
  const Result result = call("diff " + path_ + "/checkpoints " + path_ + "/step_00000030");
  expect_silence_elsewhere(result);
  if (world_.rank() != 0) return;
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.text, testing::HasSubstr("gamma (9):  v: 1 of 9 differ, by at most "));
  EXPECT_THAT(result.text, testing::HasSubstr("1 of 6 tensors differ"));
}

TEST_F(CheckpointCommand, DiffRefusesAnotherModelByKey) {
  const std::string line = "diff " + path_ + " " + path_ + "/wider";
  if (world_.rank() != 0) {
    EXPECT_EQ(call(line).status, 0);
    return;
  }
  EXPECT_THAT([&] { call(line); }, testing::ThrowsMessage<UsageError>(
                                       testing::AllOf(testing::HasSubstr("model.hidden: 768 in the first, 1024"),
                                                      testing::Not(testing::HasSubstr("dropout")))));
}

TEST_F(CheckpointCommand, APathWithoutCheckpointsIsBadUsage) {
  EXPECT_THAT([&] { call("list " + path_ + "/checkpoints/step_00000010/none"); },
              testing::ThrowsMessage<UsageError>(testing::HasSubstr("/none: no checkpoint")));
}

}  // namespace
}  // namespace phalanx::checkpoint::test
