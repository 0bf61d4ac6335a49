// The unigram baseline of `evaluate`.
#include "trainer/evaluation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace phalanx {
namespace {

TEST(Evaluation, UnigramLossIsThatOfAddOneFrequencies) {
  Batch batch;
  batch.resize(1, 4);
  batch.targets = {0, 2, Batch::kIgnore, 1};
  // Counts 7, 1, 0 and V = 3: frequencies 8/11, 2/11, 1/11.
  EXPECT_NEAR(unigram_loss_sum({batch}, {7, 1, 0}, 3), -std::log(8 / 11.0) - std::log(1 / 11.0) - std::log(2 / 11.0),
              1e-12);
}

TEST(Evaluation, TokenBeyondTheCountsCountsAsUnseen) {
  Batch batch;
  batch.resize(1, 1);
  batch.targets = {2};
  EXPECT_NEAR(unigram_loss_sum({batch}, {7, 1}, 3), -std::log(1 / 11.0), 1e-12);
}

TEST(Evaluation, JsonHoldsTheReportedKeys) {
  const auto json = nlohmann::json::parse(to_json({.loss = 1.5, .tokens = 7}));
  EXPECT_EQ(json["loss"], 1.5);
  EXPECT_EQ(json["tokens"], 7);
  for (const char* key : {"perplexity", "uniform_loss", "unigram_loss"}) EXPECT_TRUE(json.contains(key)) << key;
  EXPECT_FALSE(json.contains("non_finite"));
}

TEST(Evaluation, JsonNamesNumbersThatAreNotFinite) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto json = nlohmann::json::parse(
      to_json({.loss = 800, .perplexity = std::numeric_limits<double>::infinity(), .unigram_loss = nan}));
  EXPECT_TRUE(json["perplexity"].is_null());
  EXPECT_TRUE(json["unigram_loss"].is_null());
  EXPECT_EQ(json["loss"], 800);
  EXPECT_EQ(json["non_finite"], nlohmann::json({"perplexity", "unigram_loss"}));
}

}  // namespace
}  // namespace phalanx
