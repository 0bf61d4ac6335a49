// The console: aligned lines, readable numbers, and a progress line that leaves no trace in a log.
#include "trainer/metrics/console.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>

#include "core/log.h"
#include "tests/trainer/metrics_support.h"
#include "trainer/metrics/format.h"

namespace phalanx {
namespace {

using test::lines_of;
using test::read_file;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

StepStats stats_of(std::int64_t step) {
  StepStats s;
  s.step = step;
  s.loss = 8.21344;
  s.gradient_norm = 1.23456;
  s.learning_rate = 2e-4;
  s.step_seconds = 0.6524;
  s.tokens_per_second = 6279.6;
  s.flops_per_second = 1.589e11;
  s.model_flops_utilization_ratio = 0.452;
  s.eta_seconds = 156;
  return s;
}

TEST(MetricsConsole, ALineHoldsEveryFigure) {
  EXPECT_EQ(step_line(stats_of(10), 250),
            "step  10/250 | loss   8.2134 | norm    1.235 | rate 2.000e-04 |  652 ms |     6,280 tokens/s | 158.9 "
            "GFLOP/s | MFU 45.2% | ETA 2 m 36 s");
}

TEST(MetricsConsole, ColumnsKeepTheirPlace) {
  StepStats other = stats_of(250);
  other.loss = 11.1;
  other.gradient_norm = 1234.5;
  other.step_seconds = 12.34;
  other.tokens_per_second = 1234567;
  other.flops_per_second = 2e12;
  other.model_flops_utilization_ratio = 0;
  const std::string a = step_line(stats_of(1), 250);
  const std::string b = step_line(other, 250);
  for (const char* title : {"| loss", "| norm", "| rate", "tokens/s", "| MFU", "| ETA"}) {
    EXPECT_EQ(a.find(title), b.find(title)) << a << "\n" << b;
  }
}

TEST(MetricsConsole, SkippedStepsAndValuesThatAreNotFiniteAreShown) {
  StepStats s = stats_of(1);
  s.skipped = true;
  s.loss = std::nan("");
  s.eta_seconds = INFINITY;
  EXPECT_THAT(step_line(s, 5), AllOf(HasSubstr("nan"), HasSubstr("ETA ?"), HasSubstr("| skipped")));
}

TEST(MetricsConsole, LinesComeEverySoManyStepsAndAtBothEnds) {
  ::testing::internal::CaptureStderr();
  {
    Console console(25, 10, -1);
    for (std::int64_t step = 1; step <= 25; ++step) console.step(stats_of(step));
  }
  const auto lines = lines_of(::testing::internal::GetCapturedStderr());
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_THAT(lines[0], HasSubstr("step  1/25"));
  EXPECT_THAT(lines[1], HasSubstr("step 10/25"));
  EXPECT_THAT(lines[2], HasSubstr("step 20/25"));
  EXPECT_THAT(lines[3], HasSubstr("step 25/25"));
}

TEST(MetricsConsole, ZeroMeansNoStepLines) {
  ::testing::internal::CaptureStderr();
  {
    Console console(3, 0, -1);
    for (std::int64_t step = 1; step <= 3; ++step) console.step(stats_of(step));
    console.validation({.step = 3, .loss = std::log(100.0), .tokens = 81920, .seconds = 1.25});
    console.checkpoint(3, "runs/a/checkpoints/step_00000003", 0.5, 0.02);
  }
  const auto lines = lines_of(::testing::internal::GetCapturedStderr());
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_THAT(lines[0], HasSubstr("step 3/3 | validation loss 4.6052 | perplexity 100.00 | 81,920 tokens in 1250 ms"));
  EXPECT_THAT(lines[1],
              HasSubstr("step 3/3 | checkpoint runs/a/checkpoints/step_00000003 in 500 ms, training waited 20 ms"));
}

TEST(MetricsConsole, WithoutATerminalNothingIsDrawn) {
  ::testing::internal::CaptureStderr();
  {
    Console console(25, 10, -1);
    for (std::int64_t step = 1; step <= 25; ++step) console.step(stats_of(step));
  }
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), AllOf(Not(HasSubstr("\r")), Not(HasSubstr("\033"))));
}

TEST(MetricsConsole, ProgressIsErasedBeforeALineAndAtTheEnd) {
  test::TemporaryFolder folder;
  const std::string path = folder / "terminal";
  const int terminal = ::open(path.c_str(), O_CREAT | O_WRONLY, 0600);
  ::testing::internal::CaptureStderr();
  {
    Console console(25, 2, terminal);
    console.step(stats_of(3));
    const std::string drawn = read_file(path);
    EXPECT_EQ(drawn, "\r\033[K" + progress_line(stats_of(3), 25) + "\r");
    console.validation({.step = 3, .loss = 1, .tokens = 1, .seconds = 1});
    EXPECT_EQ(read_file(path), drawn + "\r\033[K");
    usleep(110000);  // until it may be drawn again
    console.step(stats_of(5));
    const std::string again = read_file(path);
    EXPECT_GT(again.size(), drawn.size() + 4);
    log::warning("of somebody else");
    EXPECT_EQ(read_file(path), again + "\r\033[K");
    log::warning("nothing is left to erase");
    EXPECT_EQ(read_file(path), again + "\r\033[K");
    usleep(110000);
    console.step(stats_of(7));
  }
  EXPECT_THAT(read_file(path), ::testing::EndsWith("\r\033[K"));
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), Not(HasSubstr("\033")));
  ::close(terminal);
}

TEST(MetricsConsole, ProgressFitsANarrowTerminal) {
  StepStats s = stats_of(123456);
  s.tokens_per_second = 123456789;
  s.eta_seconds = 86400 * 30;
  EXPECT_LT(progress_line(s, 500000).size(), 80U);
}

TEST(MetricsFormat, CountsHaveSeparators) {
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(1000), "1,000");
  EXPECT_EQ(format_count(-1234567), "-1,234,567");
  EXPECT_EQ(format_count(INFINITY), "inf");
}

TEST(MetricsFormat, RatesScaleByThousands) {
  EXPECT_EQ(format_si(0, "FLOP/s"), "0.0 FLOP/s");
  EXPECT_EQ(format_si(999.96, "B/s"), "1.0 kB/s");
  EXPECT_EQ(format_si(3.14e15, "FLOP/s"), "3.1 PFLOP/s");
  EXPECT_EQ(format_si(1e30, "FLOP/s"), "1000000000000.0 EFLOP/s");
}

TEST(MetricsFormat, DurationsUseTwoUnits) {
  EXPECT_EQ(format_duration(0.4), "0 s");
  EXPECT_EQ(format_duration(59.6), "1 m 00 s");
  EXPECT_EQ(format_duration(3 * 3600 + 5 * 60), "3 h 05 m");
  EXPECT_EQ(format_duration(4 * 86400 + 7 * 3600), "4 d 07 h");
  EXPECT_EQ(format_duration(-1), "?");
  EXPECT_EQ(format_duration(NAN), "?");
}

TEST(MetricsFormat, StepTimesFitTheirSize) {
  EXPECT_EQ(format_seconds(0.00123), "1.23 ms");
  EXPECT_EQ(format_seconds(0.6524), "652 ms");
  EXPECT_EQ(format_seconds(12.34), "12.3 s");
}

}  // namespace
}  // namespace phalanx
