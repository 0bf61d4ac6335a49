// phalanx plan: what it measures is what training allocates, and what it advises fits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "core/check.h"
#include "tests/support/endless_job.h"
#include "trainer/config/load.h"
#include "trainer/config/resolve.h"
#include "trainer/plan/report.h"

namespace phalanx::plan {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::int64_t kGiB = std::int64_t{1} << 30;

Target gpu_of(std::int64_t bytes) { return {"test", "a GPU", Device{DeviceType::cuda, 0}, bytes, 1}; }

config::Config recipe(const std::string& name, const std::vector<std::string>& overrides = {}) {
  return config::load(PHALANX_SOURCE_DIR "/configs/" + name, overrides);
}
JobPlan plan_of(const config::Config& config, int ranks, const Target& target) {
  return plan_job(config::resolve_sizes(config, ranks), ranks, target);
}
std::int64_t needed(const config::Config& config, int ranks) { return plan_of(config, ranks, gpu_of(0)).needed; }

class PlanCommand : public test::EndlessJob {
 protected:
  test::Outcome plan(const std::string& arguments) {
    return test::run_in(folder_.path(), std::string(PHALANX_BINARY) + " plan config.yaml " + arguments);
  }
  // Planned bytes by arena, as rank 0 of a run of one step told them.
  json allocated_by_train(const std::string& options) {
    const test::Outcome o =
        test::run_in(folder_.path(), test::mpirun(2) + PHALANX_BINARY +
                                         " train config.yaml --set training.steps=1 --set run.device=cpu " + options);
    EXPECT_EQ(o.status, 0) << o.err;
    std::istringstream lines(test::read_file(folder_ / "run/metrics.jsonl"));
    json found = json::object();
    for (std::string line; std::getline(lines, line);) {
      const json record = json::parse(line);
      if (!record.contains("memory")) continue;
      for (const auto& [arena, bytes] : record["memory"].items()) found[arena] = bytes["planned"];
    }
    return found;
  }
  void expect_planned_as_allocated(const std::string& options) {
    const test::Outcome o = plan("--ranks 2 --device cpu --json " + options);
    ASSERT_EQ(o.status, 0) << o.err;
    const json planned = json::parse(o.out)["memory"][0];
    EXPECT_EQ(planned["first_rank"], 0);
    EXPECT_EQ(planned["arenas"], allocated_by_train(options)) << options;
    EXPECT_GT(planned["arenas"]["activations"], 0);
  }
};

TEST_F(PlanCommand, TellsTheBytesThatDataRanksAllocate) {
  expect_planned_as_allocated("--set training.precision=bf16 --set model.dropout=0.1");
}

TEST_F(PlanCommand, TellsTheBytesThatTensorRanksAllocate) {
  expect_planned_as_allocated(
      "--set parallel.tensor=2 --set checkpoint.asynchronous=false --set training.recompute=full");
}

TEST_F(PlanCommand, AJobThatDoesNotFitEndsWithOneAndNamesWhatHelps) {
  const std::string job =
      "--ranks 2 --device h100 --set model.hidden=2048 --set model.heads=16 --set model.ffn=8192 "
      "--set model.layers=24 --set model.context=2048 --set training.global_batch=128 --set training.precision=bf16 ";
  const test::Outcome fits = plan(job);
  EXPECT_EQ(fits.status, 0) << fits.out << fits.err;
  EXPECT_THAT(fits.out, AllOf(HasSubstr("fits: rank "), HasSubstr(" of 79.10 GiB"), HasSubstr("ranks 0-1")));
  const test::Outcome o = plan(job + "--set training.micro_batch=64");
  EXPECT_EQ(o.status, 1) << o.out << o.err;
  EXPECT_THAT(
      o.out, AllOf(HasSubstr("does not fit: rank "), HasSubstr("training.micro_batch: "), HasSubstr(" of 79.10 GiB)")));
}

TEST_F(PlanCommand, BadArgumentsAreRefusedByName) {
  const auto refused = [&](const std::string& arguments, const std::string& reason) {
    const test::Outcome o = plan(arguments);
    EXPECT_EQ(o.status, 2) << arguments << "\n" << o.out << o.err;
    EXPECT_THAT(o.err, HasSubstr(reason)) << arguments;
  };
  refused("", "--ranks");
  refused("--ranks 0", "--ranks");
  refused("--ranks 2 --device b17", "--device");
  refused("--ranks 2 --device cpu --ranks-per-host 0", "--ranks-per-host");
  refused("--ranks 3 --set parallel.tensor=2", "parallel.tensor (2) must divide the world size (3)");
  refused("--ranks 2 --set 'data.train=[{path: nowhere}]'", "model.vocabulary=50257");
}

TEST(Plan, TheLargeRecipesFitAnH100OfEightyGigabytesAtTheirMicroBatch) {
  for (const char* name : {"gpt2_1558m.yaml", "bert_large.yaml"}) {
    const JobPlan job = plan_of(recipe(name), 8, find_target("h100", 8));
    EXPECT_TRUE(job.fits()) << name;
    EXPECT_LE(job.needed, 80'000'000'000) << name;
    EXPECT_GT(job.needed, 8 * kGiB) << name;
  }
}

TEST(Plan, ArenasAndReserveAddUpAndTheSnapshotOfAGpuLiesElsewhere) {
  const JobPlan job = plan_of(recipe("bert_large.yaml"), 4, gpu_of(80 * kGiB));
  ASSERT_FALSE(job.ranks.empty());
  EXPECT_EQ(job.ranks.front().first, 0);
  EXPECT_EQ(job.ranks.back().last, 3);
  std::int64_t sum = job.reserve;
  for (const ArenaBytes& arena : job.ranks.front().arenas) sum += arena.name == "snapshot" ? 0 : arena.planned;
  EXPECT_EQ(job.ranks.front().device_bytes, sum);
  EXPECT_GT(job.reserve, 0);
}

TEST(Plan, ARunWithPhasesNeedsWhatItsLargestPhaseNeeds) {
  const auto bytes = [](const std::string& phases) {
    return needed(
        recipe("gpt2_1558m.yaml", {"training.steps=30", "schedule.warmup_steps=0", "training.phases=" + phases}), 1);
  };
  const std::int64_t small = bytes("[{steps: 30, context: 128, micro_batch: 4}]");
  const std::int64_t large = bytes("[{steps: 30, context: 1024, micro_batch: 2}]");
  EXPECT_LT(small, large);
  EXPECT_EQ(bytes("[{steps: 10, context: 128, micro_batch: 4}, {steps: 20, context: 1024, micro_batch: 2}]"), large);
}

TEST(Plan, RanksOfAHostShareItsMemory) {
  const config::Config config = recipe("gpt_tiny.yaml", {"model.vocabulary=4096"});
  const Target host{"cpu", "this host", Device{}, kGiB, 2};
  const JobPlan job = plan_of(config, 4, host);
  EXPECT_EQ(job.reserve, 0);
  EXPECT_EQ(job.needed, 2 * job.ranks.front().device_bytes);
}

TEST(PlanAdvice, NamesTheLargestMicroBatchThatFits) {
  const config::Config config = recipe("gpt2_124m.yaml", {"model.vocabulary=50257", "training.micro_batch=64"});
  config::Config smaller = config;
  smaller.training.micro_batch = 16;
  const Target target = gpu_of(needed(smaller, 2));
  const auto advice = advise(config, 2, target, plan_of(config, 2, target));
  ASSERT_FALSE(advice.empty());
  EXPECT_EQ(advice[0].settings, (std::vector<std::pair<std::string, std::string>>{{"training.micro_batch", "16"}}));
  EXPECT_EQ(advice[0].needed, target.capacity);
  EXPECT_TRUE(advice[0].fits);
}

TEST(PlanAdvice, EveryAdviceFitsWhenItIsTaken) {
  const config::Config config = recipe("gpt2_1558m.yaml", {"parallel.shard_optimizer=false"});
  const Target target = gpu_of(needed(config, 8) - kGiB);
  const auto advice = advise(config, 8, target, plan_of(config, 8, target));
  ASSERT_GE(advice.size(), 3U);
  for (const Advice& one : advice) {
    std::vector<std::string> overrides = {"parallel.shard_optimizer=false"};
    for (const auto& [key, value] : one.settings) overrides.push_back(str(key, "=", value));
    const JobPlan taken = plan_of(recipe("gpt2_1558m.yaml", overrides), 8, target);
    EXPECT_TRUE(taken.fits()) << overrides.back();
    EXPECT_EQ(taken.needed, one.needed) << overrides.back();
  }
}

TEST(PlanAdvice, KnobsAreTurnedTogetherWhereNoneIsEnough) {
  const config::Config config = recipe("gpt2_124m.yaml", {"model.vocabulary=50257", "training.micro_batch=64"});
  config::Config smallest = config;
  smallest.training.micro_batch = 1;
  smallest.training.recompute = "full";
  const Target target = gpu_of(needed(smallest, 1));
  const auto advice = advise(config, 1, target, plan_of(config, 1, target));
  ASSERT_EQ(advice.size(), 1U);
  EXPECT_TRUE(advice[0].fits);
  EXPECT_GE(advice[0].settings.size(), 2U);
  const Target tiny = gpu_of(kGiB);
  const auto none = advise(config, 1, tiny, plan_of(config, 1, tiny));
  ASSERT_EQ(none.size(), 1U);
  EXPECT_FALSE(none[0].fits);
  EXPECT_THAT(to_text({"r", tiny, plan_of(config, 1, tiny), none}), HasSubstr("it does not fit"));
}

}  // namespace
}  // namespace phalanx::plan
