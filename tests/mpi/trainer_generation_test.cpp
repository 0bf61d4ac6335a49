// Generation at every tensor layout: a prompt in one pass is the prompt token by token, and greedy text does not depend
// on where the prompt ends.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "model/gpt.h"
#include "tests/support/shared_folder.h"
#include "tests/support/tiny_job.h"
#include "trainer/config/resolve.h"
#include "trainer/generator.h"

namespace phalanx {
namespace {

using namespace testing::tiny;

// Long enough that prompts are padded to several lengths; no power of two.
constexpr int kContext = 70;

config::Config generation_config() {
  config::Config config = make_config({.tensor = test_runtime().world_size()});
  config.model.context = kContext;
  config.model.vocabulary.value = 300;  // so that several ranks hold a part of it
  config.model.init_std = 0.3;          // wide logits: the likeliest token is likeliest by far
  return config;
}

std::int32_t token_at(int t) { return (5 * t * t + 7 * t + 3) % kV; }

// A replica with initial values that can feed a sequence both ways.
class Feeder {
 public:
  explicit Feeder(const config::Config& config)
      : axes_(test_runtime().split({1, test_runtime().world_size()})),
        replica_(options_of(config), *axes_.data, *axes_.tensor, [](const Context& ctx, const Network& network) {
          Feeder::run_both(ctx, dynamic_cast<const Gpt&>(network), kContext);
        }) {
    replica_.fill_initial_values();
  }

  struct Logits {
    std::vector<float> prefilled, fed;
  };
  // This rank's logits of the position behind `length` tokens.
  Logits logits(int length) {
    return run_both(replica_.context(), dynamic_cast<const Gpt&>(replica_.network()), length);
  }

 private:
  static ReplicaOptions options_of(const config::Config& config) {
    ReplicaOptions options = replica_options(config, {1, test_runtime().world_size()}, test_runtime().world_rank());
    options.training = false;
    return options;
  }

  static std::vector<float> values_of(const Context& ctx, const Tensor& logits) {
    if (ctx.exec.planning()) return {};
    std::vector<float> values(static_cast<std::size_t>(logits.count()));
    for (std::int64_t i = 0; i < logits.count(); ++i) {
      values[static_cast<std::size_t>(i)] =
          logits.dtype == DType::bf16 ? static_cast<float>(logits.as<bf16>()[i]) : logits.as<float>()[i];
    }
    return values;
  }

  static Logits run_both(Context ctx, const Gpt& gpt, int length) {
    const Scratch scratch(*ctx.activations);
    ctx.sequences = ctx.take({1}, DType::i64);
    const Gpt::Cache cache = gpt.make_cache(ctx, 1);
    const Tensor tokens = ctx.take({length}, DType::i32);
    const Tensor positions = ctx.take({length}, DType::i32);
    for (int t = 0; t < length && !ctx.exec.planning(); ++t) {
      tokens.as<std::int32_t>()[t] = token_at(t);
      positions.as<std::int32_t>()[t] = t;
    }
    Logits result;
    {
      const Scratch pass(*ctx.activations);
      result.prefilled = values_of(ctx, gpt.prefill(ctx, tokens, positions, gpt.make_cache(ctx, 1), length));
    }
    for (int t = 0; t < length; ++t) {
      const Scratch step(*ctx.activations);
      result.fed = values_of(ctx, gpt.decode(ctx, tokens.slice(t, 1), positions.slice(t, 1), cache, t + 1));
    }
    return result;
  }

  Runtime::Axes axes_;
  Replica replica_;
};

class Prompt : public ::testing::TestWithParam<const char*> {};

TEST_P(Prompt, InOnePassGivesTheLogitsOfTokenByToken) {
  config::Config config = generation_config();
  config.training.precision = GetParam();
  Feeder feeder(config);
  // fp32: the same sums of at most some hundred terms in another order, through two layers. bf16: what two layers
  // round, about ten times half an eps (2^-8) of order 1, two of them in another place.
  const float relative = config.training.precision == "fp32" ? 2e-5F : 0x1.0p-5F;
  for (const int length : {1, 2, 3, 7, 31, 32, 33, 64, 65, 69, kContext}) {
    const Feeder::Logits logits = feeder.logits(length);
    ASSERT_EQ(logits.prefilled.size(), logits.fed.size());
    float largest = 0;
    for (const float z : logits.fed) largest = std::max(largest, std::abs(z));
    if (test_runtime().world_rank() < 2) {  // later ranks may hold padding alone
      ASSERT_GT(largest, 0.1F);
    }
    for (std::size_t v = 0; v < logits.fed.size(); ++v) {
      ASSERT_NEAR(logits.prefilled[v], logits.fed[v], relative * largest) << length << " tokens, logit " << v;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(AllPrecisions, Prompt, ::testing::Values("fp32", "bf16"));

// A checkpoint of initial values for the Generator.
checkpoint::Manifest save_checkpoint(const config::Config& config, const std::string& folder) {
  const Runtime::Axes axes = test_runtime().split({1, test_runtime().world_size()});
  Replica replica(replica_options(config, {1, test_runtime().world_size()}, test_runtime().world_rank()), *axes.data,
                  *axes.tensor, [](const Context& /*ctx*/, const Network& /*network*/) {});
  replica.fill_initial_values();
  checkpoint::Provenance provenance;
  provenance.config_yaml = config::to_yaml(config);
  provenance.precision = config.training.precision;
  return checkpoint::read_manifest(
      checkpoint::save(folder, {}, provenance, owned_state(replica), test_runtime().world()));
}

// In fp32: the two likeliest tokens of 66 texts are never so close that rounding chooses.
class GreedyText : public ::testing::Test {
 protected:
  GreedyText() {
    generator_ = std::make_unique<Generator>(save_checkpoint(config_, folder_.path()), test_runtime(),
                                             Grid{1, test_runtime().world_size()});
  }
  std::vector<std::int32_t> continued(const std::vector<std::int32_t>& prompt, std::int64_t count) {
    return generator_->generate(prompt, count, {.temperature = 0.0}, -1, [](std::int32_t /*token*/) {});
  }

  testing::SharedFolder folder_{"phalanx_generation"};
  config::Config config_ = generation_config();
  std::unique_ptr<Generator> generator_;
};

TEST_F(GreedyText, DoesNotDependOnWhereThePromptEnds) {
  for (const int length : {1, 5, 31, 33}) {
    std::vector<std::int32_t> text;
    text.reserve(kContext);
    for (int t = 0; t < length; ++t) text.push_back(token_at(t));
    const std::vector<std::int32_t> made = continued(text, kContext);
    ASSERT_EQ(made.size(), static_cast<std::size_t>(kContext - length)) << "the context bounds the text";
    for (const std::int32_t token : made) {
      ASSERT_EQ(continued(text, 1), std::vector<std::int32_t>{token}) << "behind " << text.size() << " tokens";
      text.push_back(token);
    }
  }
}

TEST_F(GreedyText, APromptBeyondTheContextIsRefusedByName) {
  EXPECT_TRUE(continued(std::vector<std::int32_t>(kContext, 1), 5).empty());
  try {
    continued(std::vector<std::int32_t>(kContext + 1, 1), 5);
    ADD_FAILURE() << "accepted";
  } catch (const UsageError& error) {
    EXPECT_EQ(
        std::string(error.what()).rfind("the prompt has 71 tokens; this model's context (model.context) is 70", 0), 0U);
  }
}

}  // namespace
}  // namespace phalanx
