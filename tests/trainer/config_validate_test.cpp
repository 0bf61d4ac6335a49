// Validation: each rule has a claim here, with the key and the sizes that would do in its message.
#include "trainer/config/validate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <utility>

#include "core/check.h"
#include "trainer/config/address.h"
#include "trainer/config/divide.h"

namespace phalanx::config {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

Config good() {
  Config c;
  c.model.layers = 2;
  c.model.hidden = 96;
  c.model.heads = 12;
  c.model.context = 33;
  c.data.train = {{"datasets/a", 1.0}};
  c.training.global_batch = 24;
  c.training.micro_batch = 3;
  return c;
}

std::vector<std::string> after(const std::function<void(Config&)>& change, int world_size = 1) {
  Config c = good();
  change(c);
  return validate(c, world_size);
}

TEST(ConfigValidate, AGoodConfigurationHasNoProblem) {
  EXPECT_THAT(validate(good(), 1), IsEmpty());
  EXPECT_THAT(validate(good(), 2), IsEmpty());
  EXPECT_THAT(validate(good(), 8), IsEmpty());
  EXPECT_NO_THROW(require_valid(good(), 4));
}

TEST(ConfigValidate, EveryRangeOfTheFieldListIsEnforced) {
  EXPECT_THAT(after([](Config& c) { c.model.layers = 0; }),
              ElementsAre("model.layers must be from 1 to 4096, found 0"));
  EXPECT_THAT(after([](Config& c) { c.model.dropout = 1.0; }),
              ElementsAre("model.dropout must be from 0.0 to below 1.0, found 1.0"));
  EXPECT_THAT(after([](Config& c) { c.optimizer.beta2 = -0.1; }), Contains(StartsWith("optimizer.beta2 must be from")));
  EXPECT_THAT(after([](Config& c) { c.schedule.type = "cosin"; }),
              ElementsAre(HasSubstr("schedule.type must be one of constant, linear, cosine, polynomial, wsd")));
  EXPECT_THAT(after([](Config& c) { c.optimizer.learning_rate = std::nan(""); }),
              ElementsAre(StartsWith("optimizer.learning_rate must be from")));
}

TEST(ConfigValidate, ZeroSizesAreNamedAndDivideNothing) {
  const auto zero_all = [](Config& c) {
    c.model.heads = c.model.hidden = c.model.context = 0;
    c.model.ffn.value = c.parallel.data.value = 0;
    c.parallel.tensor = 0;
    c.training.global_batch = c.training.micro_batch = c.training.steps = 0;
  };
  EXPECT_THAT(after(zero_all),
              AllOf(Contains(StartsWith("model.heads")), Contains(StartsWith("model.hidden")),
                    Contains(StartsWith("model.context")), Contains(StartsWith("model.ffn")),
                    Contains(StartsWith("parallel.tensor")), Contains(StartsWith("parallel.data")),
                    Contains(StartsWith("training.global_batch")), Contains(StartsWith("training.micro_batch"))));
}

TEST(ConfigValidate, HugeSizesDoNotOverflow) {
  const auto huge = [](Config& c) {
    c.model.hidden = c.model.heads = c.model.context = std::numeric_limits<std::int64_t>::max() / 4;
    c.training.steps = c.training.global_batch = c.training.micro_batch = std::numeric_limits<std::int64_t>::max();
  };
  EXPECT_THAT(after(huge), Contains(StartsWith("training.steps")));
}

TEST(ConfigValidate, TensorMustDivideTheWorld) {
  EXPECT_THAT(after([](Config& c) { c.parallel.tensor = 3; }, 4),
              Contains("parallel.tensor (3) must divide the world size (4): parallel.tensor may be 1, 2 or 4"));
  EXPECT_THAT(after([](Config& c) { c.parallel.tensor = 3; }, 6), IsEmpty());
}

TEST(ConfigValidate, DataTimesTensorMustBeTheWorld) {
  const auto problems = after(
      [](Config& c) {
        c.parallel.data.value = 3;
        c.parallel.tensor = 2;
      },
      4);
  EXPECT_THAT(problems, Contains(AllOf(StartsWith("parallel.data (3) * parallel.tensor (2) must be the world size (4)"),
                                       HasSubstr("found 6"), HasSubstr("parallel.data: auto"))));
}

TEST(ConfigValidate, HeadsMustDivideOverTensorRanksAndSizesThatWouldDoAreNamed) {
  EXPECT_THAT(
      after([](Config& c) { c.parallel.tensor = 5; }, 5),
      Contains("model.heads (12) must be divisible by parallel.tensor (5): parallel.tensor may be 1, 2, 3, 4, 6 "
               "or 12, or model.heads 10 or 15"));
}

TEST(ConfigValidate, FfnMustDivideOverTensorRanks) {
  const auto change = [](Config& c) {
    c.model.ffn.value = 50;
    c.parallel.tensor = 4;
  };
  EXPECT_THAT(after(change, 4), ElementsAre(AllOf(StartsWith("model.ffn (50) must be divisible by parallel.tensor (4)"),
                                                  HasSubstr("model.ffn 48 or 52"))));
}

TEST(ConfigValidate, AutoFfnIsFourTimesHidden) {
  const auto change = [](Config& c) {
    c.model.hidden = 36;
    c.model.heads = 36;
    c.parallel.tensor = 9;
    c.training.global_batch = 27;
  };
  EXPECT_THAT(after(change, 9), IsEmpty()) << "ffn 144 divides by 9";
}

TEST(ConfigValidate, HiddenMustDivideByHeads) {
  EXPECT_THAT(after([](Config& c) { c.model.hidden = 100; }),
              Contains(AllOf(StartsWith("model.hidden (100) must be divisible by model.heads (12)"),
                             HasSubstr("model.hidden 96 or 108"), HasSubstr("model.heads may be 1, 2, 4, 5, 10, 20"))));
}

TEST(ConfigValidate, GlobalBatchMustDivideByMicroBatchesOfAllDataRanks) {
  EXPECT_THAT(
      after([](Config&) {}, 3),
      ElementsAre("training.global_batch (24) must be divisible by training.micro_batch (3) * data ranks (3) = 9: "
                  "training.global_batch may be 18 or 27, or training.micro_batch 1, 2, 4 or 8"));
  EXPECT_THAT(after([](Config&) {}, 5), ElementsAre(HasSubstr("training.global_batch may be 15 or 30")));
  EXPECT_THAT(after([](Config& c) { c.training.micro_batch = 48; }), ElementsAre(HasSubstr("may be 48, or")));
}

TEST(ConfigValidate, MoreSequencesThanOrdinalsAreRefused) {
  EXPECT_THAT(after([](Config& c) { c.training.steps = 1LL << 37; }),
              ElementsAre(AllOf(StartsWith("training.steps"), HasSubstr("2^40 sequences"))));
}

TEST(ConfigValidate, AMicroBatchMustFitThirtyTwoBits) {
  const auto change = [](Config& c) {
    c.model.context = 1 << 20;
    c.training.micro_batch = c.training.global_batch = 4096;
  };
  EXPECT_THAT(after(change), ElementsAre(AllOf(StartsWith("training.micro_batch (4096)"), HasSubstr("2^31"))));
}

TEST(ConfigValidate, WarmupMustFitTheRun) {
  EXPECT_THAT(after([](Config& c) { c.schedule.warmup_steps = 1001; }),
              ElementsAre("schedule.warmup_steps (1001) must be at most training.steps (1000)"));
  EXPECT_THAT(after([](Config& c) { c.schedule.warmup_steps = 1000; }), IsEmpty());
}

TEST(ConfigValidate, WsdPhasesMustNotOverlap) {
  const auto change = [](Config& c) {
    c.schedule.type = "wsd";
    c.schedule.warmup_steps = 750;
    c.schedule.decay_fraction = 0.5;
  };
  EXPECT_THAT(after(change),
              ElementsAre(AllOf(StartsWith("schedule.decay_fraction (0.5)"), HasSubstr("at most 0.25"))));
}

TEST(ConfigValidate, MaskSharesMustNotExceedOne) {
  EXPECT_THAT(after([](Config& c) { c.objective.random_token = 0.3; }),
              ElementsAre("objective.mask_token (0.8) + objective.random_token (0.3) must be at most 1"));
}

TEST(ConfigValidate, TrainingNeedsDataAndABenchmarkDoesNot) {
  Config c = good();
  c.data.train.clear();
  EXPECT_THAT(validate(c, 1), ElementsAre(StartsWith("data.train must list at least one folder")));
  EXPECT_THAT(validate(c, 1, DataUse::unused), IsEmpty());
}

TEST(ConfigValidate, SourcesMustDifferAndWeigh) {
  EXPECT_THAT(after([](Config& c) { c.data.train = {{"a", 1}, {"a", 2}}; }), ElementsAre(HasSubstr("lists a twice")));
  EXPECT_THAT(after([](Config& c) { c.data.train = {{"a", -1}}; }), ElementsAre(HasSubstr("weights above 0")));
  EXPECT_THAT(after([](Config& c) { c.data.train = {{"", 1}}; }), ElementsAre(HasSubstr("empty path")));
}

TEST(ConfigValidate, NameAndOutputMustBeUsable) {
  EXPECT_THAT(after([](Config& c) { c.run.name = ""; }), ElementsAre(StartsWith("run.name")));
  EXPECT_THAT(after([](Config& c) { c.run.name = "a\nb"; }), ElementsAre(StartsWith("run.name")));
  EXPECT_THAT(after([](Config& c) { c.run.output = ""; }), ElementsAre(StartsWith("run.output")));
}

TEST(ConfigValidate, MetricsAddressMustBeAddressAndPort) {
  for (const char* bad : {"9464", ":9464", "127.0.0.1", "127.0.0.1:", "127.0.0.1:99999", "127.0.0.1:-1", "a b:1",
                          "127.0.0.1:80x", "::1:80", "[127.0.0.1]:80", "256.0.0.1:80"}) {
    EXPECT_THAT(after([&](Config& c) { c.metrics.prometheus = bad; }), ElementsAre(StartsWith("metrics.prometheus")))
        << bad;
  }
  for (const char* fine : {"", "127.0.0.1:0", "0.0.0.0:9464", "localhost:65535", "[::1]:80"}) {
    EXPECT_THAT(after([&](Config& c) { c.metrics.prometheus = fine; }), IsEmpty()) << fine;
  }
}

TEST(ConfigValidate, AddressesPrintAsTheyAreRead) {
  EXPECT_EQ(to_string(*parse_address("localhost:1")), "127.0.0.1:1");
  EXPECT_EQ(to_string(*parse_address("[::1]:80")), "[::1]:80");
}

// 12 heads, an MLP of 384, a global batch of 24: 6 tensor shards and 8 data shards by default.
TEST(ConfigValidate, VirtualShardsAreSharedOutWhole) {
  const auto layout = [](
                          int tensor, int world_size, const std::function<void(Config&)>& change = [](Config&) {}) {
    return after(
        [&](Config& c) {
          c.run.reproducible = "layout";
          c.training.micro_batch = 1;
          c.parallel.tensor = tensor;
          change(c);
        },
        world_size);
  };
  for (const auto& [tensor, world] : {std::pair{1, 1}, {2, 2}, {1, 2}, {2, 4}, {6, 6}, {1, 8}, {2, 16}}) {
    EXPECT_THAT(layout(tensor, world), IsEmpty()) << tensor << " of " << world;
  }
  EXPECT_THAT(layout(4, 4), ElementsAre(StartsWith("run.tensor_shards (6) must be divisible by parallel.tensor (4)")));
  EXPECT_THAT(layout(3, 3), ElementsAre(AllOf(StartsWith("run.tensor_shards (6) over parallel.tensor (3)"),
                                              HasSubstr("power of two"))));
  EXPECT_THAT(layout(1, 3), ElementsAre(StartsWith("run.data_shards (8) must be divisible by data ranks (3)")));
  EXPECT_THAT(layout(3, 3, [](Config& c) { c.run.tensor_shards.value = 3; }), IsEmpty());
  EXPECT_THAT(layout(1, 1, [](Config& c) { c.run.tensor_shards.value = 5; }),
              Contains(StartsWith("model.heads (12) must be divisible by run.tensor_shards (5)")));
  EXPECT_THAT(layout(1, 1, [](Config& c) { c.run.data_shards.value = 5; }),
              ElementsAre(StartsWith("training.global_batch (24) must be divisible by run.data_shards (5)")));
}

TEST(ConfigValidate, VirtualShardsNeedTheirMode) {
  EXPECT_THAT(after([](Config& c) { c.run.tensor_shards.value = 4; }),
              ElementsAre("run.tensor_shards needs run.reproducible: layout"));
  EXPECT_THAT(after([](Config& c) { c.run.data_shards.value = 4; }),
              ElementsAre("run.data_shards needs run.reproducible: layout"));
}

struct Unsupported {
  const char* key;
  void (*change)(Config&);
  const char* works;
};
class ConfigRefuse : public ::testing::TestWithParam<Unsupported> {};

TEST_P(ConfigRefuse, NamesTheKeyAndTheValuesThatWork) {
  EXPECT_THAT(after(GetParam().change), ElementsAre(AllOf(StartsWith(GetParam().key), HasSubstr(GetParam().works))));
}

INSTANTIATE_TEST_SUITE_P(
    Features, ConfigRefuse,
    ::testing::Values(Unsupported{"parallel.sequence", [](Config& c) { c.parallel.sequence = true; }, "false works"},
                      Unsupported{"training.precision", [](Config& c) { c.training.precision = "fp16"; },
                                  "fp32 and bf16 work"}));

TEST(ConfigValidate, ObjectiveAndFamilyMustGoTogether) {
  EXPECT_THAT(after([](Config& c) { c.model.family = "bert"; }), ElementsAre(HasSubstr("masked_lm needs bert")));
  EXPECT_THAT(after([](Config& c) { c.objective.type = "masked_lm"; }), ElementsAre(HasSubstr("masked_lm needs bert")));
  EXPECT_THAT(after([](Config& c) { c.objective.next_sentence = true; }),
              ElementsAre(HasSubstr("objective.next_sentence needs objective.type: masked_lm")));
  for (const std::string family : {"bert", "modern_encoder"}) {
    EXPECT_THAT(after([&](Config& c) {
                  c.model.family = family;
                  c.objective.type = "masked_lm";
                }),
                ElementsAre());
  }
  EXPECT_THAT(after([](Config& c) {
                c.model.family = "modern_encoder";
                c.objective.type = "masked_lm";
                c.objective.next_sentence = true;
              }),
              ElementsAre(HasSubstr("modern_encoder has no segments")));
  EXPECT_THAT(after([](Config& c) {
                c.model.family = "bert";
                c.objective.type = "masked_lm";
                c.objective.next_sentence = true;
                c.model.token_types.value = 0;
              }),
              ElementsAre(HasSubstr("model.token_types (0)")));
}

TEST(ConfigValidate, AServerPerRankNeedsAnAddress) {
  EXPECT_THAT(after([](Config& c) { c.metrics.per_rank = true; }), ElementsAre());
  EXPECT_THAT(after([](Config& c) {
                c.metrics.per_rank = true;
                c.metrics.prometheus = "";
              }),
              ElementsAre(HasSubstr("metrics.per_rank needs an address in metrics.prometheus")));
}

TEST(ConfigValidate, AllProblemsComeAtOnceInOneError) {
  Config c = good();
  c.model.hidden = 100;
  c.schedule.warmup_steps = 5000;
  c.parallel.sequence = true;
  try {
    require_valid(c, 1);
    FAIL() << "must throw";
  } catch (const UsageError& error) {
    const std::string text = error.what();
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2) << text;
  }
}

TEST(ConfigDivide, DivisorsAreThoseNearestToTheWantedOne) {
  EXPECT_THAT(divisors_near(12, 5, 12), ElementsAre(1, 2, 3, 4, 6, 12));
  EXPECT_THAT(divisors_near(12, 5, 4), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(divisors_near(1, 7, 1), ElementsAre(1));
  EXPECT_EQ(divisors_near(720720, 100, 720720).size(), 12U);
  EXPECT_EQ(either({1}), "1");
  EXPECT_EQ(either({1, 2, 4}), "1, 2 or 4");
}

}  // namespace
}  // namespace phalanx::config
