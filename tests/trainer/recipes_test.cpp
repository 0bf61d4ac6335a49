// The recipes in configs/: each loads, is valid on the ranks it is meant for, and describes the model it is named
// after.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "model/network.h"
#include "trainer/build.h"
#include "trainer/config/load.h"
#include "trainer/config/resolve.h"
#include "trainer/config/validate.h"

namespace phalanx {
namespace {

struct Recipe {
  const char* name;
  std::int64_t V;           // of the tokenizer that it names
  std::int64_t parameters;  // of this very model
  double published;         // as the paper rounds them
};

// Exact counts: GPT-2 and BERT as their released weights have them; RoBERTa's without its two unused positions, its one
// token type and the width of each; ModernBERT's with its masked-LM head; GPT-3's by its shape, for it was not
// released.
constexpr Recipe kRecipes[] = {
    {"gpt_tiny", 4096, 4240896, 4.2e6},
    {"bert_tiny", 4096, 4378114, 4.3e6},
    {"gpt2_124m", 50257, 124439808, 124e6},
    {"gpt2_350m", 50257, 354823168, 355e6},
    {"gpt2_774m", 50257, 774030080, 774e6},
    {"gpt2_1558m", 50257, 1557611200, 1558e6},
    {"gpt3_1_3b_tp2", 50257, 1315723264, 1.3e9},
    {"bert_base", 30522, 110106428, 110e6},
    {"bert_large", 30522, 336226108, 340e6},
    {"bert_large_lamb", 30522, 336226108, 340e6},
    {"roberta_base", 50265, 124697433 - 3 * 768, 125e6},
    {"modern_encoder_base", 50368, 149655232, 149e6},
};

class Recipes : public ::testing::TestWithParam<Recipe> {
 protected:
  static config::Config load_with(const std::vector<std::string>& overrides = {}) {
    return config::load(std::string(PHALANX_SOURCE_DIR "/configs/") + GetParam().name + ".yaml", overrides);
  }
};

TEST_P(Recipes, AreValidOnOneAndOnSeveralDataRanks) {
  const config::Config config = load_with();
  EXPECT_EQ(config.run.device, "auto");
  for (const int data : {1, 4, 8}) {
    const int ranks = data * static_cast<int>(config.parallel.tensor);
    if (config.training.global_batch < 64 && data == 8) continue;  // what runs on a laptop
    EXPECT_NO_THROW(config::require_valid(config::resolve_sizes(config, ranks), ranks)) << ranks << " ranks";
  }
}

TEST_P(Recipes, HaveThePublishedNumberOfParameters) {
  config::Config config = config::resolve_sizes(load_with(), 1);
  if (config.model.vocabulary.is_auto()) config.model.vocabulary.value = GetParam().V;
  const auto network = make_network(network_options(config));
  const std::int64_t parameters = parameter_count(network->parameters().table);
  EXPECT_EQ(parameters, GetParam().parameters);
  EXPECT_NEAR(static_cast<double>(parameters), GetParam().published, 0.02 * GetParam().published);
}

TEST_P(Recipes, SayTheirBudgetAndTheirData) {
  std::ifstream stream(std::string(PHALANX_SOURCE_DIR "/configs/") + GetParam().name + ".yaml");
  const std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  EXPECT_NE(text.find("# Budget:"), std::string::npos);
  EXPECT_NE(text.find("# Data:"), std::string::npos);
  EXPECT_EQ(load_with().run.output, "runs/" + load_with().run.name);
}

INSTANTIATE_TEST_SUITE_P(All, Recipes, ::testing::ValuesIn(kRecipes),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(RecipesFolder, HoldsNoRecipeThatIsNotTested) {
  std::set<std::string> tested;
  for (const Recipe& recipe : kRecipes) tested.insert(recipe.name);
  for (const auto& entry : std::filesystem::directory_iterator(PHALANX_SOURCE_DIR "/configs")) {
    EXPECT_TRUE(tested.contains(entry.path().stem().string())) << entry.path();
  }
}

}  // namespace
}  // namespace phalanx
