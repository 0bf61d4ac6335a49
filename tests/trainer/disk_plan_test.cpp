// How much disk checkpoints will need, and what is said of it.
#include "trainer/disk_plan.h"

#include <gmock/gmock.h>

#include "core/check.h"

namespace phalanx {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr std::int64_t kParameters = 1'000'000;  // 12 MB, and 1 MiB for the rest
constexpr std::int64_t kBytes = 12'000'000 + (1 << 20);

config::Config config_of(std::int64_t steps, std::int64_t every, std::int64_t keep, std::int64_t keep_every) {
  config::Config config;
  config.training.steps = steps;
  config.checkpoint.every = every;
  config.checkpoint.keep = keep;
  config.checkpoint.keep_every = keep_every;
  return config;
}

std::int64_t more(const config::Config& config, std::int64_t step = 0, std::int64_t existing = 0) {
  return plan_disk(config, kParameters, step, existing, -1).more;
}

TEST(DiskPlan, OneMoreThanKeepLiesThereWhileOneIsWritten) {
  EXPECT_EQ(more(config_of(1000, 100, 3, 0)), 4);
  EXPECT_EQ(more(config_of(1000, 100, 1, 0)), 2);
}

TEST(DiskPlan, ShortRunsHaveNoMoreThanTheySave) {
  EXPECT_EQ(more(config_of(1000, 0, 3, 0)), 1);
  EXPECT_EQ(more(config_of(200, 100, 3, 0)), 2);
  EXPECT_EQ(more(config_of(250, 100, 3, 0)), 3);  // the last step is saved too
}

TEST(DiskPlan, ThoseKeptForEverAreCounted) {
  EXPECT_EQ(more(config_of(1000, 100, 2, 500)), 2 + 1 + 2);
  EXPECT_EQ(more(config_of(1000, 100, 2, 250)), 2 + 1 + 2);  // of 250, 500, 750, 1000 only 500 and 1000 are saved
}

TEST(DiskPlan, CheckpointsOfBeforeMakeRoomForNewOnes) {
  EXPECT_EQ(more(config_of(1000, 100, 3, 0), 500, 3), 1);
  EXPECT_EQ(more(config_of(1000, 100, 3, 0), 500, 1), 3);
  EXPECT_EQ(more(config_of(1000, 100, 3, 500), 500, 9), 2);
}

TEST(DiskPlan, ADiskThatHoldsNotOneIsRefusedByKeyAndBytes) {
  const config::Config config = config_of(1000, 100, 3, 0);
  const DiskPlan plan = plan_disk(config, kParameters, 0, 0, kBytes - 1);
  EXPECT_THAT([&] { describe_or_refuse(plan, config); },
              ThrowsMessage<UsageError>(AllOf(HasSubstr("run.output"), HasSubstr("13.0 MB"))));
  EXPECT_NO_THROW(describe_or_refuse(plan_disk(config, kParameters, 0, 0, kBytes), config));
  EXPECT_NO_THROW(describe_or_refuse(plan_disk(config, kParameters, 0, 0, -1), config)) << "unknown";
}

TEST(DiskPlan, ADiskThatFillsUpIsWarnedOfByKnob) {
  const config::Config config = config_of(1000, 100, 3, 500);
  const auto warning = [&](std::int64_t free) {
    return warning_of(plan_disk(config, kParameters, 0, 0, free), config);
  };
  EXPECT_THAT(warning(6 * kBytes - 1),
              AllOf(HasSubstr("checkpoint.keep (3)"), HasSubstr("checkpoint.keep_every (500)")));
  EXPECT_EQ(warning(6 * kBytes), "");
  EXPECT_EQ(warning(-1), "");
}

}  // namespace
}  // namespace phalanx
