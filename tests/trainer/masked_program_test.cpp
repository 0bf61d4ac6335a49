// The whole program on a masked-LM job: text, WordPiece, shards, training, evaluation, filling masks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <vector>

#include "tests/support/program.h"

namespace phalanx {
namespace {

using test::Outcome;

using ::testing::HasSubstr;

class MaskedProgram : public ::testing::Test {
 protected:
  MaskedProgram() {
    // Sentences of one pattern, so that a hidden word can be known from its neighbours.
    const std::vector<std::string> who = {"king", "queen", "bishop", "knight"};
    const std::vector<std::string> what = {"castle", "garden", "chapel", "stable"};
    std::string text;
    for (int document = 0; document < 60; ++document) {
      for (int i = 0; i < 12; ++i) {
        const std::size_t n = static_cast<std::size_t>(document * 7 + i * 3) % who.size();
        text += "The " + who[n] + " walked to the " + what[n] + " in the morning. ";
      }
      text += "\n\n";
    }
    test::append(folder_ / "text.txt", text);
    test::append(folder_ / "config.yaml", R"(run: {name: t, output: run, digest_every: 50}
model: {family: bert, layers: 1, hidden: 64, heads: 4, ffn: 64, context: 32, activation: gelu_erf, init_std: 0.1}
objective: {type: masked_lm, next_sentence: true}
data: {train: [{path: data/train}], validation: data/validation}
training: {steps: 200, global_batch: 32, micro_batch: 8}
optimizer: {learning_rate: 5.0e-3}
schedule: {warmup_steps: 5}
evaluation: {every: 100, samples: 32}
checkpoint: {every: 100}
metrics: {prometheus: "", console_every: 0}
)");
    const Outcome made = phalanx(
        "tokenizer train --kind wordpiece --vocabulary 90 --input text.txt --output tokenizer && " PHALANX_BINARY
        " data prepare --split blank_line --validation-fraction 0.2 --tokenizer tokenizer --input text.txt "
        "--output data");
    EXPECT_EQ(made.status, 0) << made.err;
  }

  Outcome phalanx(const std::string& arguments, const std::string& launcher = "") {
    return test::run_in(folder_.path(), launcher + PHALANX_BINARY + " " + arguments);
  }
  std::vector<double> losses(const std::string& run) {
    std::vector<double> found;
    std::istringstream lines(test::read_file(folder_ / run + "/metrics.jsonl"));
    for (std::string line; std::getline(lines, line);) {
      const auto record = nlohmann::json::parse(line);
      if (record["event"] == "step") found.push_back(record["loss"]);
    }
    return found;
  }

  test::TemporaryFolder folder_;
};

TEST_F(MaskedProgram, LearnsBeyondTheUnigramsAndFillsMasks) {
  const Outcome trained = phalanx("train config.yaml");
  ASSERT_EQ(trained.status, 0) << trained.err;
  const Outcome evaluated = phalanx("evaluate config.yaml --checkpoint run --json");
  ASSERT_EQ(evaluated.status, 0) << evaluated.err;
  const auto report = nlohmann::json::parse(evaluated.out);
  EXPECT_LT(report["token_loss"], 0.8 * report["unigram_loss"].get<double>());
  EXPECT_GT(report["token_accuracy"], 0.35);
  EXPECT_GT(report["pairs"], 0);
  EXPECT_NEAR(report["loss"], report["token_loss"].get<double>() + report["sentence_loss"].get<double>(), 1e-9);

  const Outcome filled =
      phalanx("fill --checkpoint run --json --top 3 --text 'The king [MASK] to the castle in the [MASK].'");
  ASSERT_EQ(filled.status, 0) << filled.err;
  const auto masks = nlohmann::json::parse(filled.out)["masks"];
  ASSERT_EQ(masks.size(), 2U);
  EXPECT_EQ(masks[0].size(), 3U);
  EXPECT_EQ(masks[1][0]["token"], "morning");
  EXPECT_GT(masks[1][0]["probability"], masks[1][1]["probability"]);
  const Outcome shared = phalanx(
      "fill --checkpoint run --json --top 3 --text 'The king [MASK] to the castle in the [MASK].'", test::mpirun(2));
  ASSERT_EQ(shared.status, 0) << shared.err;
  EXPECT_EQ(nlohmann::json::parse(shared.out)["masks"][1][0]["token"], "morning");
}

TEST_F(MaskedProgram, ExportedAndImportedItFillsTheSameAndTrainsOn) {
  const std::string few =
      " --set training.steps=3 --set schedule.warmup_steps=0 --set checkpoint.every=0 "
      "--set evaluation.every=0 --set run.output=";
  const std::string fill = "fill --json --text 'The king [MASK] to the castle.' --checkpoint ";
  const Outcome round = phalanx("train config.yaml" + few +
                                "first && " PHALANX_BINARY " export --checkpoint first --output out && " PHALANX_BINARY
                                " import --input out --output in && " PHALANX_BINARY " train config.yaml --init in" +
                                few + "second");
  ASSERT_EQ(round.status, 0) << round.err;
  const Outcome before = phalanx(fill + "first"), after = phalanx(fill + "in");
  ASSERT_EQ(before.status, 0) << before.err;
  EXPECT_EQ(after.out, before.out) << after.err;
  EXPECT_EQ(losses("second").size(), 3U);
}

TEST_F(MaskedProgram, ShowsWhatItsHeadsAttendTo) {
  ASSERT_EQ(
      phalanx("train config.yaml --set training.steps=1 --set schedule.warmup_steps=0 --set evaluation.every=0").status,
      0);
  const std::string command = "attention --checkpoint run --text 'The king walked to the [MASK].' --output ";
  const Outcome all = phalanx(command + "all.json");
  ASSERT_EQ(all.status, 0) << all.err;
  const auto report = nlohmann::json::parse(test::read_file(folder_ / "all.json"));
  ASSERT_EQ(report["maps"].size(), 4U);  // of one layer
  EXPECT_EQ(report["tokens"][0], "[CLS]");
  EXPECT_EQ(report["maps"][3]["head"], 3);
  ASSERT_EQ(report["maps"][3]["weights"].size(), report["tokens"].size());
  for (const auto& row : report["maps"][3]["weights"]) {
    double sum = 0;
    for (const auto& weight : row) sum += weight.get<double>();
    EXPECT_NEAR(sum, 1.0, 1e-5);
  }
  ASSERT_EQ(phalanx(command + "one.svg --layer 0 --head 2").status, 0);
  EXPECT_THAT(test::read_file(folder_ / "one.svg"), HasSubstr("<svg"));
  ASSERT_EQ(phalanx(command + "one.png --layer 0 --head 2").status, 0);
  EXPECT_EQ(test::read_file(folder_ / "one.png").substr(0, 8), "\x89PNG\r\n\x1a\n");

  const std::vector<std::pair<std::string, std::string>> refusals = {
      {command + "x.jpg", ".svg or .png"},
      {command + "x.svg --layer 1", "--layer 1: this model has one layer, 0"},
      {command + "x.svg --head 4", "--head 4: this model has heads 0 to 3"},
      {"attention --checkpoint run --output x.svg --text '" + std::string(100, ',') + "'", "model.context"}};
  for (const auto& [arguments, reason] : refusals) {
    const Outcome refused = phalanx(arguments);
    EXPECT_EQ(refused.status, 2) << arguments;
    EXPECT_THAT(refused.err, HasSubstr(reason));
  }
  EXPECT_NE(test::run_in(folder_.path(), "ls x.svg").status, 0);
}

TEST_F(MaskedProgram, AStoppedRunGoesOnWithTheSameBitsAtAnotherLayout) {
  const std::string options =
      "train config.yaml --set training.steps=4 --set checkpoint.every=2 --set model.dropout=0.1 --set "
      "schedule.warmup_steps=0 "
      "--set evaluation.every=0 --set run.reproducible=layout --set run.output=";
  ASSERT_EQ(phalanx(options + "whole").status, 0);
  ASSERT_EQ(test::run_in(folder_.path(), "cp -r whole part && rm -r part/checkpoints/step_00000004").status, 0);
  const Outcome resumed = phalanx(options + "part --set parallel.tensor=2 --resume part/checkpoints/step_00000002",
                                  "OMP_NUM_THREADS=1 " + test::mpirun(2));
  ASSERT_EQ(resumed.status, 0) << resumed.err;
  EXPECT_EQ(losses("whole"), losses("part"));
  EXPECT_EQ(losses("part").size(), 4U);
}

TEST_F(MaskedProgram, WithoutPairsItPredictsMaskedTokensAlone) {
  const Outcome trained = phalanx(
      "train config.yaml --set objective.next_sentence=false --set objective.whole_word=true "
      "--set training.steps=6 --set checkpoint.every=0 --set run.output=alone");
  ASSERT_EQ(trained.status, 0) << trained.err;
  const Outcome evaluated =
      phalanx("evaluate config.yaml --checkpoint alone --set objective.next_sentence=false --json");
  ASSERT_EQ(evaluated.status, 0) << evaluated.err;
  EXPECT_FALSE(nlohmann::json::parse(evaluated.out).contains("pairs"));
}

TEST_F(MaskedProgram, WhatDoesNotFitIsRefusedInOneLine) {
  ASSERT_EQ(
      phalanx("train config.yaml --set training.steps=1 --set schedule.warmup_steps=0 --set evaluation.every=0").status,
      0);
  const auto refused = [&](const std::string& arguments, const std::string& reason) {
    const Outcome o = phalanx(arguments);
    EXPECT_EQ(o.status, 2) << arguments << "\n" << o.err;
    EXPECT_THAT(o.err, HasSubstr(reason)) << arguments;
  };
  refused("fill --checkpoint run --text 'no mask'", "--text has no [MASK]");
  std::string long_text = "[MASK]";
  for (int i = 0; i < 40; ++i) long_text += " castle";
  refused("fill --checkpoint run --text '" + long_text + "'", "(model.context) is 32");
  refused("generate --checkpoint run --prompt x", "generate needs a causal model");
  const Outcome bpe = phalanx("tokenizer train --vocabulary 280 --input text.txt --output bpe && " PHALANX_BINARY
                              " data prepare --split blank_line --tokenizer bpe --input text.txt --output plain");
  ASSERT_EQ(bpe.status, 0) << bpe.err;
  refused("train config.yaml --set run.output=other --set 'data.train=[{path: plain/train}]' --set data.validation=''",
          "has no special token [MASK]");
}

}  // namespace
}  // namespace phalanx
