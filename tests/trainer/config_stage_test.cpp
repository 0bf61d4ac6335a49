// Phases and the batch ramp: which step belongs to what, and every mistake named.
#include "trainer/config/stage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/check.h"
#include "trainer/config/load.h"
#include "trainer/config/resolve.h"
#include "trainer/config/validate.h"

namespace phalanx::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Config from(const std::string& training, const std::vector<std::string>& overrides = {}) {
  return parse(str("model: {context: 64}\ndata: {train: [{path: a}]}\n", training), "test.yaml", overrides);
}

std::string problem_of(const std::string& training, const std::vector<std::string>& overrides = {}) {
  try {
    from(training, overrides);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

constexpr const char* kTwoPhases = R"(training:
  steps: 30
  global_batch: 16
  micro_batch: 2
  phases:
    - {steps: 20, context: 16, learning_rate: 0.5, warmup_steps: 4}
    - {steps: 10, global_batch: 8, micro_batch: 1}
  batch_ramp: {from: 4, to: 16, steps: 7}
schedule: {type: linear, warmup_steps: 3}
optimizer: {learning_rate: 0.25}
)";

TEST(ConfigStage, WithoutPhasesTheRunIsOneStageThatNeverEnds) {
  const Config c = from("training: {steps: 5, global_batch: 8}");
  for (const std::int64_t step : {0, 4, 5, 900}) {
    const Stage stage = stage_at(c, step);
    EXPECT_TRUE(stage.holds(step));
    EXPECT_EQ(stage.begin, 0);
    EXPECT_EQ(stage.config, c);
  }
}

TEST(ConfigStage, PhasesTakeWhatTheyLeaveOutFromTheRun) {
  const Config c = from(kTwoPhases);
  const Stage first = stage_at(c, 19);
  EXPECT_EQ(first.phase, 0U);
  EXPECT_EQ(first.config.training.steps, 20);
  EXPECT_EQ(first.config.model.context, 16);
  EXPECT_EQ(first.config.training.global_batch, 16);
  EXPECT_EQ(first.config.training.micro_batch, 2);
  EXPECT_EQ(first.config.optimizer.learning_rate, 0.5);
  EXPECT_EQ(first.config.schedule.warmup_steps, 4);
  const Stage second = stage_at(c, 20);
  EXPECT_EQ(second.phase, 1U);
  EXPECT_EQ(second.phase_begin, 20);
  EXPECT_EQ(second.config.training.steps, 10);
  EXPECT_EQ(second.config.model.context, 64);
  EXPECT_EQ(second.config.training.global_batch, 8);
  EXPECT_EQ(second.config.training.micro_batch, 1);
  EXPECT_EQ(second.config.optimizer.learning_rate, 0.25);
  EXPECT_EQ(second.config.schedule.warmup_steps, 3);
}

TEST(ConfigStage, TheBatchGrowsInEqualStagesAndEachStepHasOneStage) {
  const Config c = from(kTwoPhases);
  std::vector<std::int64_t> batches;
  for (std::int64_t step = 0; step < 9; ++step) batches.push_back(stage_at(c, step).config.training.global_batch);
  // floor(s 3 / 7) times 4 more.
  EXPECT_THAT(batches, ElementsAre(4, 4, 4, 8, 8, 12, 12, 16, 16));
  for (std::int64_t step = 0; step < 40; ++step) {
    const Stage stage = stage_at(c, step);
    ASSERT_TRUE(stage.holds(step)) << step;
    for (std::int64_t other = 0; other < 40; ++other) {
      const Stage that = stage_at(c, other);
      ASSERT_EQ(stage.holds(other), stage.begin == that.begin && stage.config == that.config) << step << " " << other;
    }
  }
  EXPECT_EQ(common_batch_divisor(c), 4);
  EXPECT_EQ(total_sequences(c), 20 * 16 + 10 * 8);
}

TEST(ConfigStage, ResolvedTextReadsBackToTheSameConfiguration) {
  const Config c = from(kTwoPhases);
  EXPECT_EQ(parse(to_yaml(c), "resolved", {}), c);
  EXPECT_EQ(parse(to_yaml(from("")), "resolved", {}), from(""));
}

TEST(ConfigStage, SetReplacesAWholeKey) {
  const Config c = from(kTwoPhases, {"training.phases=[{steps: 3}]", "training.batch_ramp=none", "training.steps=3"});
  ASSERT_EQ(c.training.phases.size(), 1U);
  EXPECT_EQ(c.training.phases[0], Phase{.steps = 3});
  EXPECT_EQ(c.training.batch_ramp, BatchRamp{});
  EXPECT_THAT(validate(c, 1), IsEmpty());
  EXPECT_TRUE(from(kTwoPhases, {"training.phases=[]"}).training.phases.empty());
  EXPECT_THAT(problem_of(kTwoPhases, {"training.phases.0.steps=3"}), HasSubstr("unknown key training.phases.0.steps"));
}

TEST(ConfigStage, EveryMistakeIsNamedWithItsLine) {
  const auto phase = [](const std::string& entry) { return "training:\n  phases:\n    - " + entry; };
  EXPECT_THAT(problem_of(phase("{context: 4}")), HasSubstr("test.yaml:5: training.phases has an entry without steps"));
  EXPECT_THAT(problem_of(phase("{steps: 4, stps: 4}")), HasSubstr("test.yaml:5: training.phases has entries {steps, "));
  EXPECT_THAT(problem_of(phase("{steps: 1.5}")), HasSubstr("steps must be integer, found 1.5"));
  EXPECT_THAT(problem_of(phase("{steps: 4, learning_rate: -1}")), HasSubstr("learning_rate must be a number from 0"));
  EXPECT_THAT(problem_of(phase("{steps: 4, context: 0}")), HasSubstr("has a context that must be from 1 to"));
  EXPECT_THAT(problem_of(phase("{steps: 0}")), HasSubstr("has a steps that must be from 1 to"));
  EXPECT_THAT(problem_of("training: {phases: 7}"), HasSubstr("training.phases must be list of {steps, "));
  EXPECT_THAT(problem_of("training: {batch_ramp: 7}"), HasSubstr("training.batch_ramp must be {from, to, steps} or"));
  EXPECT_THAT(problem_of("training: {batch_ramp: {from: 4}}"), HasSubstr("has an entry without to"));
}

TEST(ConfigStage, WhatDoesNotFitTogetherIsRefused) {
  Config c = from(kTwoPhases);
  EXPECT_THAT(validate(c, 1), IsEmpty());
  EXPECT_THAT(validate(c, 2), IsEmpty());
  EXPECT_THAT(validate(c, 4), ElementsAre(HasSubstr("training.batch_ramp: at its start training.global_batch (4)")));
  c.training.steps = 31;
  EXPECT_THAT(validate(c, 1), ElementsAre(HasSubstr("training.steps (31) must be the sum of the steps of "
                                                    "training.phases (30)")));
  c = from(kTwoPhases);
  c.training.phases[1].context.value = 65;
  EXPECT_THAT(validate(c, 1), ElementsAre(HasSubstr("training.phases, entry 2: context (65) must be at most")));
  c = from(kTwoPhases);
  c.training.phases[1].warmup_steps.value = 11;
  EXPECT_THAT(validate(c, 1), ElementsAre(HasSubstr("training.phases, entry 2: schedule.warmup_steps (11)")));
  c = from(kTwoPhases);
  c.training.batch_ramp.to = 12;
  EXPECT_THAT(validate(c, 1), ElementsAre(HasSubstr("to (12) must be training.global_batch of the first phase (16)")));
  c = from(kTwoPhases);
  c.training.batch_ramp.from = 6;
  EXPECT_THAT(validate(c, 1), ElementsAre(HasSubstr("to (16) must be a multiple of from (6)")));
  c = from(kTwoPhases);
  c.training.batch_ramp.steps = 21;
  EXPECT_THAT(validate(c, 1), ElementsAre(HasSubstr("steps (21) must be at most the steps of the first phase (20)")));
}

TEST(ConfigStage, VirtualShardsDivideTheBatchOfEveryStep) {
  Config c = from(kTwoPhases);
  c.run.reproducible = "layout";
  EXPECT_EQ(resolve_sizes(c, 1).run.data_shards.value, 4);
  c.run.data_shards.value = 8;
  EXPECT_THAT(validate(c, 1), ElementsAre(HasSubstr("the common divisor of the run's batches (4)")));
}

}  // namespace
}  // namespace phalanx::config
