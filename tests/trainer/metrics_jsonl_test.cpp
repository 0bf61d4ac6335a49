// metrics.jsonl: keys, exact numbers, and what a resume leaves of it.
#include "trainer/metrics/jsonl.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "tests/trainer/metrics_support.h"

namespace phalanx {
namespace {

using nlohmann::ordered_json;
using test::append;
using test::lines_of;
using test::read_file;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

StepStats stats_of(std::int64_t step) {
  StepStats s;
  s.step = step;
  s.time = 1.7e9 + static_cast<double>(step);
  s.loss = 0.1 + 0.2;
  s.learning_rate = 1e-3 / 3;
  s.gradient_norm = std::numeric_limits<double>::denorm_min();
  s.tokens = 123456789012345;
  s.step_seconds = 1.0 / 7;
  s.tokens_per_second = 6450.123456789;
  s.model_flops_utilization_ratio = 0.45;
  return s;
}

std::vector<std::string> keys_of(const ordered_json& json) {
  std::vector<std::string> keys;
  for (const auto& item : json.items()) keys.push_back(item.key());
  return keys;
}

class MetricsJsonl : public ::testing::Test {
 protected:
  std::vector<ordered_json> events() const {
    std::vector<ordered_json> all;
    for (const std::string& line : lines_of(read_file(path))) all.push_back(ordered_json::parse(line));
    return all;
  }
  std::vector<std::int64_t> steps() const {
    std::vector<std::int64_t> all;
    for (const ordered_json& event : events()) all.push_back(event.value("step", std::int64_t{-1}));
    return all;
  }
  void write_run(std::int64_t last) const {
    JsonLines out(path);
    out.run({}, 1.0);
    for (std::int64_t step = 1; step <= last; ++step) out.step(stats_of(step));
  }
  test::TemporaryFolder folder;
  std::string path = folder / "metrics.jsonl";
};

TEST_F(MetricsJsonl, FirstLineIsTheRunWithItsFormat) {
  JsonLines out(path);
  EXPECT_TRUE(out.empty());
  RunInfo info;
  info.name = "a";
  info.steps = 7;
  info.peak_flops = 1e12;
  out.run(info, 1.5);
  EXPECT_FALSE(out.empty());
  EXPECT_THAT(read_file(path), ::testing::StartsWith(R"({"event":"run","format":1,"time":1.5,"name":"a")"));
  EXPECT_EQ(events()[0]["steps"], 7);
}

TEST_F(MetricsJsonl, AStepHasExactlyTheKeysOfTheFormat) {
  JsonLines(path).step(stats_of(3));
  EXPECT_THAT(keys_of(events()[0]),
              ElementsAre("event", "time", "step", "loss", "learning_rate", "gradient_norm", "tokens", "step_seconds",
                          "tokens_per_second", "model_flops_utilization_ratio", "phase_seconds"));
  EXPECT_THAT(keys_of(events()[0]["phase_seconds"]), ElementsAre("data", "forward", "backward", "reduce", "optimizer"));
}

TEST_F(MetricsJsonl, DetailsStandOnlyInStepsThatTellThem) {
  JsonLines out(path);
  StepStats s = stats_of(1);
  s.phase_seconds = {0.125, 1, 2, 0.1, 0.25};
  s.digest = "0123";
  out.step(s, {{0.25, 1.0 / 3}, {{"weights", 100, 60}}});
  const ordered_json event = events()[0];
  EXPECT_EQ(event["phase_seconds"]["backward"], 2);
  EXPECT_EQ(event["digest"], "0123");
  EXPECT_EQ(event["rank_step_seconds"], (std::vector<double>{0.25, 1.0 / 3}));
  EXPECT_EQ(event["memory"].dump(), R"({"weights":{"planned":100,"used":60}})");
}

TEST_F(MetricsJsonl, OtherEventsHaveTheirKeys) {
  JsonLines out(path);
  out.validation({.step = 5, .time = 1.0, .loss = 2.0, .tokens = 640, .pairs = 3, .seconds = 0.5});
  out.checkpoint(5, 1.0, "runs/a/checkpoints/step_00000005", 0.25, 0.125);
  RunInfo info;
  info.steps = 70;
  out.resume(5, 1.0, "runs/a/checkpoints/step_00000005", info);
  out.skip(stats_of(6));
  out.checkpoint_failure(7, 1.0, "no space");
  const auto all = events();
  EXPECT_THAT(keys_of(all[0]), ElementsAre("event", "time", "step", "loss", "tokens", "token_loss", "token_accuracy",
                                           "pairs", "sentence_loss", "sentence_accuracy", "seconds"));
  EXPECT_THAT(keys_of(all[1]), ElementsAre("event", "time", "step", "path", "seconds", "stall_seconds"));
  EXPECT_THAT(keys_of(all[2]),
              ElementsAre("event", "time", "step", "path", "name", "output", "steps", "world_size", "data_ranks",
                          "tensor_ranks", "threads", "device", "precision", "reproducible", "parameters",
                          "flops_per_token", "peak_flops", "peak_source"));
  EXPECT_EQ(all[2]["steps"], 70) << "a run may go on with more steps, on other ranks";
  EXPECT_THAT(keys_of(all[3]), ElementsAre("event", "time", "step", "loss_scale"));
  EXPECT_THAT(keys_of(all[4]), ElementsAre("event", "time", "step", "reason"));
  EXPECT_EQ(all[0]["event"], "validation");
  EXPECT_EQ(all[3]["event"], "skip");
}

TEST_F(MetricsJsonl, NumbersReadBackToTheSameBits) {
  std::vector<double> values = {0.0, -0.0, 1.0, 0.1, 1e300, 5e-324, 0.30000000000000004, 1.0 / 3};
  std::uint64_t state = 1;
  while (values.size() < 2000) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    const auto value = std::bit_cast<double>(state ^ (state >> 29));
    if (std::isfinite(value)) values.push_back(value);
  }
  {
    JsonLines out(path);
    for (const double value : values) {
      StepStats s;
      s.loss = value;
      out.step(s);
    }
  }
  const auto all = events();
  ASSERT_EQ(all.size(), values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(std::bit_cast<std::uint64_t>(all[i]["loss"].get<double>()), std::bit_cast<std::uint64_t>(values[i]));
  }
}

TEST_F(MetricsJsonl, NumbersThatAreNotFiniteAreNullAndNamed) {
  StepStats s = stats_of(1);
  s.loss = std::nan("");
  s.gradient_norm = -std::numeric_limits<double>::infinity();
  JsonLines(path).step(s);
  const ordered_json event = events()[0];
  EXPECT_TRUE(event["loss"].is_null());
  EXPECT_TRUE(event["gradient_norm"].is_null());
  EXPECT_EQ(event["non_finite"], ordered_json::array({"loss", "gradient_norm"}));
}

TEST_F(MetricsJsonl, TextThatIsNoUtf8IsStillJson) {
  RunInfo info;
  info.name = "\xff\xfe";
  JsonLines(path).run(info, 1);
  EXPECT_EQ(events().size(), 1U);
}

TEST_F(MetricsJsonl, ResumeDropsLaterStepsAndKeepsTheRest) {
  write_run(9);
  JsonLines out(path);
  out.truncate_after(6);
  out.resume(6, 1.0, "c", {});
  out.step(stats_of(7));
  EXPECT_THAT(steps(), ElementsAre(-1, 1, 2, 3, 4, 5, 6, 6, 7));
}

TEST_F(MetricsJsonl, ResumeAtTheLastStepKeepsAll) {
  write_run(4);
  const std::string before = read_file(path);
  JsonLines(path).truncate_after(4);
  EXPECT_EQ(read_file(path), before);
}

TEST_F(MetricsJsonl, ResumeDropsAPartialLastLine) {
  write_run(4);
  const std::string before = read_file(path);
  append(path, R"({"event":"step","time":1,"st)");
  JsonLines(path).truncate_after(4);
  EXPECT_EQ(read_file(path), before);
}

TEST_F(MetricsJsonl, ResumeDropsALastLineThatOnlyLacksItsEnd) {
  write_run(3);
  const std::string before = read_file(path);
  append(path, R"({"event":"step","step":4})");
  JsonLines(path).truncate_after(4);
  EXPECT_EQ(read_file(path), before) << "a line counts when its end is there";
}

TEST_F(MetricsJsonl, ResumeDropsLinesThatACrashGarbled) {
  write_run(2);
  append(path, R"({"event":"step","st)"
               "\n" +
                   std::string(50, '\0') + "\n[]\n");
  { JsonLines(path).step(stats_of(3)); }
  JsonLines(path).truncate_after(3);
  EXPECT_THAT(steps(), ElementsAre(-1, 1, 2, 3));
}

TEST_F(MetricsJsonl, EventsOfTheCheckpointsOwnStepStay) {
  write_run(2);
  {
    JsonLines out(path);
    out.validation({2, 1, 1, 1, 1});
    out.checkpoint(2, 1, "c", 1, 1);
    out.step(stats_of(3));
    out.checkpoint(3, 1, "d", 1, 1);
  }
  JsonLines(path).truncate_after(2);
  EXPECT_THAT(steps(), ElementsAre(-1, 1, 2, 2, 2));
}

TEST_F(MetricsJsonl, AnEmptyFileTruncatesToItself) {
  JsonLines(path).truncate_after(4);
  EXPECT_EQ(read_file(path), "");
}

TEST_F(MetricsJsonl, AFileThatCannotBeOpenedIsNamed) {
  try {
    JsonLines out(folder / "none/metrics.jsonl");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("none/metrics.jsonl: No such file"));
  }
}

TEST_F(MetricsJsonl, AFullDiskWarnsAndGoesOn) {
  ::testing::internal::CaptureStderr();
  JsonLines out("/dev/full");
  out.step(stats_of(1));
  out.step(stats_of(2));
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, HasSubstr("cannot write /dev/full: No space left"));
  EXPECT_EQ(lines_of(log).size(), 1U) << "one warning for all";
}

}  // namespace
}  // namespace phalanx
