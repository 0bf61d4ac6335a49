// The run folder: status that is never half written, events, targets, and folders that cannot be used.
#include "trainer/run_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "tests/trainer/metrics_support.h"

namespace phalanx {
namespace {

using nlohmann::json;
using test::append;
using test::lines_of;
using test::read_file;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

config::Config config_at(const std::string& output) {
  config::Config c;
  c.run.name = "tiny";
  c.run.output = output;
  return c;
}

std::string problem_of(const std::string& output) {
  try {
    RunFolder folder(config_at(output));
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

TEST(RunFolder, CreatesTheFolderWithItsParentsOrTakesOneThatIsThere) {
  test::TemporaryFolder root;
  EXPECT_EQ(problem_of(root / "a/b/c"), "");
  EXPECT_EQ(problem_of(root / "a/b/c"), "");
}

TEST(RunFolder, OneRunAtATimeWritesToIt) {
  test::TemporaryFolder root;
  {
    const RunFolder folder(config_at(root / "run"));
    EXPECT_THAT(problem_of(root / "run"), AllOf(StartsWith("run.output: another run is writing to "),
                                                HasSubstr(root / "run"), HasSubstr(std::to_string(getpid()))));
  }
  EXPECT_EQ(problem_of(root / "run"), "");
}

TEST(RunFolder, AFolderThatCannotBeCreatedOrWrittenNamesTheKey) {
  test::TemporaryFolder root;
  append(root / "file", "x");
  EXPECT_THAT(problem_of(root / "file"), AllOf(StartsWith("run.output: "), HasSubstr(root / "file")));
  EXPECT_THAT(problem_of(root / "file/below"), AllOf(StartsWith("run.output: "), HasSubstr("file/below")));
  EXPECT_THAT(problem_of("/proc/phalanx"), StartsWith("run.output: cannot create the folder /proc/phalanx"));
  EXPECT_THAT(problem_of("/proc/self"), StartsWith("run.output: cannot write to /proc/self: "));
}

TEST(RunFolder, StatusTellsStateStepCheckpointAndReason) {
  test::TemporaryFolder root;
  const RunFolder folder(config_at(root / "run"));
  const auto status = [&] { return json::parse(read_file(folder.path() + "/status.json")); };
  folder.set_running(3);
  EXPECT_EQ(status()["state"], "running");
  EXPECT_EQ(status()["step"], 3);
  folder.set_checkpoint(5, "c5");
  EXPECT_EQ(status()["state"], "running");
  EXPECT_EQ(status()["checkpoint"], "c5");
  folder.set_stopped(6, "c6", "asked to stop by SIGUSR1");
  EXPECT_EQ(status()["state"], "stopped");
  EXPECT_EQ(status()["reason"], "asked to stop by SIGUSR1");
  folder.set_failed(7, "c6", "loss is \xff not finite\nat all");
  EXPECT_EQ(status()["state"], "failed");
  folder.set_finished(9, "c9");
  EXPECT_EQ(status()["state"], "finished");
  EXPECT_EQ(status()["step"], 9);
  EXPECT_EQ(status()["reason"], "");
  EXPECT_FALSE(std::filesystem::exists(folder.path() + "/status.json.tmp"));
}

TEST(RunFolder, EveryChangeOfStateIsALineOfTheEventLog) {
  test::TemporaryFolder root;
  const RunFolder folder(config_at(root / "run"));
  folder.set_running(0);
  folder.log_event("two\nlines");
  folder.set_finished(9, "c9");
  const auto lines = lines_of(read_file(folder.path() + "/events.log"));
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_THAT(lines[0], MatchesRegex("20..-..-..T..:..:..Z running at step 0"));
  EXPECT_THAT(lines[1], HasSubstr("two lines"));
  EXPECT_THAT(lines[2], HasSubstr("finished at step 9; checkpoint c9"));
}

TEST(RunFolder, AStatusThatCannotBeWrittenIsAWarning) {
  test::TemporaryFolder root;
  const RunFolder folder(config_at(root / "run"));
  std::filesystem::remove_all(folder.path());
  ::testing::internal::CaptureStderr();
  EXPECT_NO_THROW(folder.set_finished(9, "c9"));
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("status.json.tmp: cannot open: No such file"));
  EXPECT_THROW(folder.write_config("a: 1\n"), Error);
}

TEST(RunFolder, ConfigIsStoredAsGiven) {
  test::TemporaryFolder root;
  const RunFolder folder(config_at(root / "run"));
  folder.write_config("run:\n  name: tiny\n");
  EXPECT_EQ(read_file(folder.path() + "/config.resolved.yaml"), "run:\n  name: tiny\n");
}

TEST(RunFolder, TargetsAreInFileSdForm) {
  test::TemporaryFolder root;
  const RunFolder folder(config_at(root / "run"));
  ::setenv("SLURM_JOB_ID", "4711", 1);
  folder.write_prometheus_targets({"node07:9464"});
  ::unsetenv("SLURM_JOB_ID");
  EXPECT_EQ(json::parse(read_file(folder.path() + "/prometheus_targets.json")),
            json::parse(R"([{"targets": ["node07:9464"], "labels": {"run": "tiny", "job_id": "4711"}}])"));
}

TEST(RunFolder, TargetsOfARunThatIsOverAreAnEmptyListWhereThereWereSome) {
  test::TemporaryFolder root;
  const RunFolder folder(config_at(root / "run"));
  folder.clear_prometheus_targets();
  EXPECT_FALSE(std::filesystem::exists(folder.path() + "/prometheus_targets.json"));
  folder.write_prometheus_targets({"node07:9464"});
  folder.clear_prometheus_targets();
  EXPECT_EQ(json::parse(read_file(folder.path() + "/prometheus_targets.json")), json::array());
}

TEST(RunFolder, WithoutASchedulerTheJobIsHostAndProcess) {
  EXPECT_THAT(job_id(), ::testing::EndsWith(str("-", getpid())));
}

}  // namespace
}  // namespace phalanx
