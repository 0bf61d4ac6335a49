// The whole program on a run of two phases with a batch ramp, trained by LAMB: resumed anywhere, at any layout, it is
// the run that was not stopped.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <vector>

#include "core/check.h"
#include "tests/support/program.h"

namespace phalanx {
namespace {

using test::Outcome;
using ::testing::HasSubstr;

constexpr int kSteps = 9;

class PhasesProgram : public ::testing::Test {
 protected:
  PhasesProgram() {
    std::string text;
    for (int document = 0; document < 40; ++document) {
      for (int i = 0; i < 12; ++i) text += "The " + std::string(i % 3 == 0 ? "king" : "queen") + " walked home. ";
      text += "\n\n";
    }
    test::append(folder_ / "text.txt", text);
    test::append(folder_ / "config.yaml", R"(run: {name: t, output: run, digest_every: 1, reproducible: layout}
model: {family: bert, layers: 1, hidden: 32, heads: 2, ffn: 64, context: 32, dropout: 0.1, activation: gelu_erf}
objective: {type: masked_lm, next_sentence: true}
data: {train: [{path: data/train}], validation: data/validation}
training:
  steps: 9
  phases:
    - {steps: 6, context: 16, global_batch: 8, micro_batch: 2, learning_rate: 6.0e-3, warmup_steps: 2}
    - {steps: 3, context: 32, global_batch: 4, micro_batch: 1, learning_rate: 4.0e-3, warmup_steps: 1}
  batch_ramp: {from: 4, to: 8, steps: 3}
optimizer: {type: lamb, epsilon: 1.0e-6}
schedule: {type: polynomial, power: 0.5, final_fraction: 0.0}
evaluation: {every: 3, samples: 8}
checkpoint: {every: 1, keep: 20}
metrics: {prometheus: "", console_every: 0}
)");
    const Outcome made = phalanx(
        "tokenizer train --kind wordpiece --vocabulary 50 --input text.txt --output tokenizer && " PHALANX_BINARY
        " data prepare --split blank_line --validation-fraction 0.2 --tokenizer tokenizer --input text.txt "
        "--output data");
    EXPECT_EQ(made.status, 0) << made.err;
  }

  Outcome phalanx(const std::string& arguments, const std::string& launcher = "") {
    return test::run_in(folder_.path(), "export OMP_NUM_THREADS=1 && " + launcher + PHALANX_BINARY + " " + arguments);
  }
  // Of every step: loss, rate, gradient norm, tokens and digest; and the validation losses.
  std::vector<std::string> history(const std::string& run) {
    std::vector<std::string> found;
    std::istringstream lines(test::read_file(folder_ / run + "/metrics.jsonl"));
    for (std::string line; std::getline(lines, line);) {
      const auto r = nlohmann::json::parse(line);
      if (r["event"] == "step") {
        found.push_back(nlohmann::json{r["step"], r["loss"], r["learning_rate"], r["gradient_norm"], r["tokens"],
                                       r.value("digest", "none")}
                            .dump());
      } else if (r["event"] == "validation") {
        found.push_back(nlohmann::json{r["step"], r["loss"]}.dump());
      }
    }
    return found;
  }
  std::vector<double> rates(const std::string& run) {
    std::vector<double> found;
    std::istringstream lines(test::read_file(folder_ / run + "/metrics.jsonl"));
    for (std::string line; std::getline(lines, line);) {
      const auto r = nlohmann::json::parse(line);
      if (r["event"] == "step") found.push_back(r["learning_rate"]);
    }
    return found;
  }

  test::TemporaryFolder folder_;
};

TEST_F(PhasesProgram, ResumedInAnyPhaseItIsTheRunThatWasNotStopped) {
  const Outcome whole = phalanx("train config.yaml --set run.output=whole");
  ASSERT_EQ(whole.status, 0) << whole.err;
  EXPECT_THAT(whole.err, HasSubstr("phase 2 of 2 from step 7: context 32, global batch 4"));
  const std::vector<std::string> expected = history("whole");
  ASSERT_EQ(expected.size(), kSteps + 3U);
  EXPECT_THAT(expected.back(), Not(HasSubstr("none")));
  const std::vector<double> rate = rates("whole");
  EXPECT_EQ(rate[1], 6e-3) << "the first phase's peak";
  EXPECT_EQ(rate[5], 0.0) << "its end";
  EXPECT_EQ(rate[6], 4e-3) << "the second one's peak";

  // In the ramp, at the end of the first phase, in the second.
  const char* const layouts[] = {"", "--set parallel.tensor=2", "--set training.recompute=full"};
  const int stops[] = {2, 6, 8};
  for (int i = 0; i < 3; ++i) {
    const std::string run = "part" + std::to_string(stops[i]);
    ASSERT_EQ(test::run_in(folder_.path(), "cp -r whole " + run).status, 0);
    const Outcome resumed = phalanx(str("train config.yaml --set run.output=", run, " --resume ", run,
                                        "/checkpoints/step_0000000", stops[i], " ", layouts[i]),
                                    i < 2 ? test::mpirun(2) : "");
    ASSERT_EQ(resumed.status, 0) << resumed.err;
    EXPECT_EQ(history(run), expected) << "stopped after step " << stops[i];
  }
}

TEST_F(PhasesProgram, APhaseThatTheDataDoesNotAllowIsRefusedAtTheStart) {
  const Outcome refused = phalanx(
      "train config.yaml --set run.output=long --set model.context=4096 --set "
      "'training.phases=[{steps: 6, context: 16, global_batch: 8, micro_batch: 2}, {steps: 3, context: 4096}]'");
  EXPECT_NE(refused.status, 0);
  EXPECT_THAT(refused.err, HasSubstr("model.context"));
  EXPECT_EQ(test::run_in(folder_.path(), "ls long/checkpoints/step_*").out, "");
}

}  // namespace
}  // namespace phalanx
