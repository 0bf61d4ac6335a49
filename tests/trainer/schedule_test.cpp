// The learning rate against closed forms.
#include "trainer/schedule.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "core/check.h"

namespace phalanx {
namespace {

constexpr double kPeak = 3e-4;
constexpr double kEps = std::numeric_limits<double>::epsilon();

config::Schedule schedule(const char* type, std::int64_t warmup, double final_fraction) {
  config::Schedule s;
  s.type = type;
  s.warmup_steps = warmup;
  s.final_fraction = final_fraction;
  return s;
}

class EverySchedule : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Types, EverySchedule, ::testing::Values("constant", "linear", "cosine", "polynomial", "wsd"));

TEST_P(EverySchedule, WarmsUpInEqualStepsToThePeak) {
  const auto s = schedule(GetParam(), 7, 0.1);
  for (std::int64_t step = 0; step < 7; ++step) {
    EXPECT_DOUBLE_EQ(learning_rate(s, kPeak, 31, step), kPeak * static_cast<double>(step + 1) / 7.0);
  }
  EXPECT_DOUBLE_EQ(learning_rate(s, kPeak, 31, 7), kPeak);
}

TEST_P(EverySchedule, WithoutWarmupStartsAtThePeak) {
  EXPECT_DOUBLE_EQ(learning_rate(schedule(GetParam(), 0, 0.1), kPeak, 31, 0), kPeak);
}

TEST_P(EverySchedule, EndsAtTheFinalFractionAndStaysThere) {
  const auto s = schedule(GetParam(), 7, 0.25);
  const double end = std::string(GetParam()) == "constant" ? kPeak : 0.25 * kPeak;
  EXPECT_NEAR(learning_rate(s, kPeak, 31, 30), end, 4 * kEps * kPeak);
  EXPECT_NEAR(learning_rate(s, kPeak, 31, 1000), end, 4 * kEps * kPeak);
}

TEST_P(EverySchedule, NeverRisesAfterWarmup) {
  const auto s = schedule(GetParam(), 5, 0.0);
  for (std::int64_t step = 5; step < 100; ++step) {
    EXPECT_LE(learning_rate(s, kPeak, 100, step + 1), learning_rate(s, kPeak, 100, step));
  }
}

TEST_P(EverySchedule, ShortestRunsHaveFiniteRates) {
  for (std::int64_t steps = 1; steps < 5; ++steps) {
    for (std::int64_t warmup = 0; warmup <= steps; ++warmup) {
      for (std::int64_t step = 0; step < steps; ++step) {
        const double rate = learning_rate(schedule(GetParam(), warmup, 0.1), kPeak, steps, step);
        EXPECT_GE(rate, 0.1 * kPeak * (1 - 4 * kEps));
        EXPECT_LE(rate, kPeak * (1 + 4 * kEps));
      }
    }
  }
}

TEST(Schedule, LinearFallsInEqualSteps) {
  const auto s = schedule("linear", 10, 0.2);  // step 10 is the peak, step 110 the end
  EXPECT_NEAR(learning_rate(s, kPeak, 111, 60), kPeak * 0.6, 4 * kEps * kPeak);
  EXPECT_NEAR(learning_rate(s, kPeak, 111, 35), kPeak * 0.8, 4 * kEps * kPeak);
}

TEST(Schedule, CosineIsHalfWayAtHalfTime) {
  const auto s = schedule("cosine", 10, 0.2);
  EXPECT_NEAR(learning_rate(s, kPeak, 111, 60), kPeak * 0.6, 4 * kEps * kPeak);
  const double third = 0.2 + 0.8 * 0.5 * (1 + std::cos(std::numbers::pi / 4));
  EXPECT_NEAR(learning_rate(s, kPeak, 111, 35), kPeak * third, 4 * kEps * kPeak);
}

TEST(Schedule, PolynomialFollowsItsPower) {
  auto s = schedule("polynomial", 10, 0.2);
  s.power = 3;
  EXPECT_NEAR(learning_rate(s, kPeak, 111, 60), kPeak * (0.2 + 0.8 * 0.125), 4 * kEps * kPeak);
  s.power = 1;
  const auto linear = schedule("linear", 10, 0.2);
  EXPECT_NEAR(learning_rate(s, kPeak, 111, 33), learning_rate(linear, kPeak, 111, 33), 4 * kEps * kPeak);
}

TEST(Schedule, WsdIsFlatThenFallsInALine) {
  auto s = schedule("wsd", 10, 0.0);
  s.decay_fraction = 0.2;
  for (std::int64_t step = 10; step < 80; ++step) EXPECT_DOUBLE_EQ(learning_rate(s, kPeak, 100, step), kPeak);
  EXPECT_NEAR(learning_rate(s, kPeak, 100, 80), kPeak * 19 / 20, 4 * kEps * kPeak);
  EXPECT_NEAR(learning_rate(s, kPeak, 100, 89), kPeak * 10 / 20, 4 * kEps * kPeak);
  EXPECT_EQ(learning_rate(s, kPeak, 100, 99), 0.0);
}

TEST(Schedule, WsdWithoutDecayStaysAtThePeak) {
  auto s = schedule("wsd", 0, 0.0);
  s.decay_fraction = 0.0;
  EXPECT_EQ(learning_rate(s, kPeak, 100, 99), kPeak);
}

TEST(Schedule, UnknownTypeIsRefused) {
  EXPECT_THROW(learning_rate(schedule("cosin", 0, 0.1), kPeak, 10, 5), UsageError);
}

}  // namespace
}  // namespace phalanx
