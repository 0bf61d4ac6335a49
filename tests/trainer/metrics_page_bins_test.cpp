// What the live page keeps of a long run: bounded, with nothing lost that a curve would show.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "trainer/metrics/page/marks.h"
#include "trainer/metrics/page/step_bins.h"

namespace phalanx {
namespace {

StepSample sample(std::int64_t step, double loss) {
  StepSample s{.step = step, .time = 100.0 + static_cast<double>(step), .tokens = 8.0 * static_cast<double>(step)};
  s.values.fill(std::numeric_limits<double>::quiet_NaN());
  s.values[0] = loss;
  return s;
}

TEST(MetricsPageBins, AShortRunIsKeptStepByStep) {
  StepBins bins;
  for (std::int64_t step = 1; step <= static_cast<std::int64_t>(StepBins::kMost); ++step) {
    EXPECT_FALSE(bins.add(sample(step, 0.1 * static_cast<double>(step))));
  }
  EXPECT_EQ(bins.width(), 1);
  ASSERT_EQ(bins.bins().size(), StepBins::kMost);
  const StepBins::Bin& bin = bins.bins()[6];
  EXPECT_EQ(bin.first_step, 7);
  EXPECT_EQ(bin.last_step, 7);
  EXPECT_EQ(bin.series[0].mean(), 0.1 * 7.0);
  EXPECT_EQ(bin.time, 107);
  EXPECT_EQ(bin.tokens, 56);
}

TEST(MetricsPageBins, AMillionStepsFitAndKeepTheirExtremesAndTheirMean) {
  StepBins bins;
  constexpr std::int64_t kSteps = 1'000'000;
  for (std::int64_t step = 1; step <= kSteps; ++step) bins.add(sample(step, step == 654'321 ? 1e6 : 1));
  EXPECT_LE(bins.bins().size(), StepBins::kMost);
  EXPECT_GT(bins.bins().size(), StepBins::kMost / 3);
  std::int64_t next = 1, count = 0;
  int spikes = 0;
  double sum = 0;
  for (const StepBins::Bin& bin : bins.bins()) {
    EXPECT_EQ(bin.first_step, next);
    EXPECT_EQ((bin.first_step - 1) / bins.width(), (bin.last_step - 1) / bins.width());
    EXPECT_EQ(bin.series[0].min, 1);
    spikes += bin.series[0].max == 1e6 ? 1 : 0;
    count += bin.series[0].count;
    sum += bin.series[0].sum;
    next = bin.last_step + 1;
  }
  EXPECT_EQ(next, kSteps + 1);
  EXPECT_EQ(count, kSteps);
  EXPECT_EQ(sum, kSteps - 1 + 1e6);
  EXPECT_EQ(spikes, 1);
}

TEST(MetricsPageBins, AMergeIsTold) {
  StepBins bins;
  for (std::int64_t step = 1; step <= 1000; ++step) bins.add(sample(step, 1));
  EXPECT_TRUE(bins.add(sample(1001, 1)));
  EXPECT_EQ(bins.width(), 2);
  EXPECT_EQ(bins.bins().size(), 501U);
  EXPECT_FALSE(bins.add(sample(1002, 1)));
  EXPECT_EQ(bins.bins().size(), 501U) << "the last bin grows";
}

TEST(MetricsPageBins, StepsFarApartStayWithinTheBound) {
  StepBins bins;
  for (std::int64_t i = 0; i < 62; ++i) bins.add(sample(std::int64_t{1} << i, 1));
  for (std::int64_t i = 0; i < 5000; ++i) bins.add(sample((std::int64_t{1} << 62) - 5000 + i, 1));
  EXPECT_LE(bins.bins().size(), StepBins::kMost);
}

TEST(MetricsPageBins, ValuesThatAreMissingOrNotFiniteAreLeftOut) {
  Spread spread;
  EXPECT_TRUE(std::isnan(spread.mean()));
  spread.add(std::nan(""));
  spread.add(std::numeric_limits<double>::infinity());
  spread.add(3);
  EXPECT_EQ(spread.count, 1);
  EXPECT_EQ(spread.mean(), 3);
}

TEST(MetricsPageMarks, StayBoundedAndEvenlySpreadAndRareOnesStay) {
  Marks marks;
  for (std::int64_t i = 1; i <= 100'000; ++i) {
    marks.add({.kind = MarkKind::validation, .step = i});
    if (i % 10'000 == 0) marks.add({.kind = MarkKind::resume, .step = i});
  }
  EXPECT_LE(marks.kept().size(), Marks::kMost);
  EXPECT_GT(marks.kept().size(), Marks::kMost / 3);
  EXPECT_EQ(marks.count(MarkKind::validation), 100'000);
  EXPECT_EQ(marks.last(MarkKind::validation)->step, 100'000);
  std::int64_t resumes = 0, gap = 0, before = 0;
  for (const Mark& mark : marks.kept()) {
    if (mark.kind == MarkKind::resume) {
      ++resumes;
      continue;
    }
    if (before > 0 && gap > 0) {
      EXPECT_EQ(mark.step - before, gap);
    }
    if (before > 0) gap = mark.step - before;
    before = mark.step;
  }
  EXPECT_EQ(resumes, 10);
}

}  // namespace
}  // namespace phalanx
