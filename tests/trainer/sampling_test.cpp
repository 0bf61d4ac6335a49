// Sampling: what each option leaves, and that draws follow the probabilities.
#include "trainer/sampling.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/check.h"

namespace phalanx {
namespace {

const std::vector<float> kLogits = {0.0F, std::log(4.0F), std::log(2.0F), std::log(1.0F)};  // 1 : 4 : 2 : 1

TEST(Sampling, ProbabilitiesAreTheSoftmax) {
  const auto p = sampling_probabilities(kLogits, {});
  EXPECT_NEAR(p[0], 1 / 8.0, 1e-7);
  EXPECT_NEAR(p[1], 4 / 8.0, 1e-7);
  EXPECT_NEAR(p[2], 2 / 8.0, 1e-7);
}

TEST(Sampling, TemperatureDividesTheLogits) {
  const auto p = sampling_probabilities(kLogits, {.temperature = 0.5});  // 1 : 16 : 4 : 1
  EXPECT_NEAR(p[1], 16 / 22.0, 1e-7);
  EXPECT_NEAR(p[2], 4 / 22.0, 1e-7);
}

TEST(Sampling, TopKKeepsTheMostLikely) {
  const auto p = sampling_probabilities(kLogits, {.top_k = 2});
  EXPECT_NEAR(p[1], 4 / 6.0, 1e-7);
  EXPECT_NEAR(p[2], 2 / 6.0, 1e-7);
  EXPECT_EQ(p[0], 0.0);
  EXPECT_EQ(p[3], 0.0);
}

TEST(Sampling, TopPKeepsTheFewestThatReachIt) {
  const auto half = sampling_probabilities(kLogits, {.top_p = 0.49});
  EXPECT_EQ(half[1], 1.0);
  const auto more = sampling_probabilities(kLogits, {.top_p = 0.7});
  EXPECT_NEAR(more[1], 4 / 6.0, 1e-7);
  EXPECT_EQ(more[0], 0.0);
}

TEST(Sampling, TemperatureZeroTakesTheLowestOfTheMostLikely) {
  EXPECT_EQ(sample_token({1.0F, 3.0F, 3.0F}, {.temperature = 0.0}, 5), 1);
}

TEST(Sampling, DrawsFollowTheProbabilitiesAndTheSeed) {
  constexpr int n = 4000;
  std::vector<int> counts(4);
  for (int i = 0; i < n; ++i) ++counts[static_cast<std::size_t>(sample_token(kLogits, {.seed = 3}, i))];
  EXPECT_NEAR(counts[1], n / 2.0, 5 * std::sqrt(n * 0.25));
  EXPECT_NEAR(counts[2], n / 4.0, 5 * std::sqrt(n * 0.1875));
  EXPECT_EQ(sample_token(kLogits, {.seed = 3}, 17), sample_token(kLogits, {.seed = 3}, 17));
}

TEST(Sampling, NotFiniteLogitsAreAnError) {
  EXPECT_THROW(sampling_probabilities({0.0F, std::numeric_limits<float>::quiet_NaN()}, {}), Error);
}

}  // namespace
}  // namespace phalanx
