// The heads of an encoder: losses and gradients against plain loops in double, and over parts of the vocabulary.
#include "model/layers/encoder_heads.h"

#include <gtest/gtest.h>

#include "tests/support/layer_reference.h"

namespace phalanx {
namespace {

using namespace phalanx::testing;  // NOLINT(google-build-using-namespace)

constexpr std::int64_t kV = 131, kC = 6, kB = 3, kT = 4, kR = 5;  // two shards: rows 0 to 127 and 128 to 130
constexpr LossScale kScale{.tokens = 0.25, .sentences = 0.5};
constexpr double kEpsilon = 1e-3;
constexpr double kTerms = 32 * (kC + kV);

struct Case {
  explicit Case(int shards, LayerRig::Mode mode = LayerRig::Mode::run)
      : table(builder.add_matrix({.name = "table", .shape = {kV, kC}, .split = Split::rows, .vocabulary = true})),
        heads(builder, {.C = kC, .V = kV, .norm_epsilon = kEpsilon, .next_sentence = true}, {.token_table = table}),
        rig(builder, shards, kB, mode) {}
  BatchTensors batch() {
    BatchTensors t;
    t.targets = targets.tensor();
    t.slots = slots.tensor();
    t.next_sentence = labels.tensor();
    t.sequences = rig.ctx().sequences;
    return t;
  }
  Doubles loss_and_gradient() {
    const Tensor dx = heads.loss_and_gradient(rig.ctx(), x.tensor(), batch(), kScale, sums.tensor());
    return rig.ctx().exec.planning() ? Doubles{} : Doubles(dx.as<float>(), dx.as<float>() + dx.count());
  }
  ParamBuilder builder;
  int table;
  EncoderHeads heads;
  LayerRig rig;
  Array x = normal_array({kB * kT, kC}, DType::f32, 1);
  Array slots = array_of<std::int32_t>({1, 0, 7, 8, 11}, {kR});
  Array targets = array_of<std::int32_t>({130, Batch::kIgnore, 7, 127, 7}, {kR});
  Array labels = array_of<std::int32_t>({1, Batch::kIgnore, 0}, {kB});
  Array sums = Array({kLossSums}, DType::f64);
};

struct Losses {
  double loss = 0, correct = 0;
};

// Of rows of logits against targets; negative ones are left out.
Losses cross_entropy_reference(const Doubles& logits, const Array& targets) {
  const std::size_t V = logits.size() / static_cast<std::size_t>(targets.count());
  Losses result;
  for (std::int64_t n = 0; n < targets.count(); ++n) {
    if (targets[n] < 0) continue;
    const double* row = logits.data() + static_cast<std::size_t>(n) * V;
    const double target = row[static_cast<std::size_t>(targets[n])];
    double sum = 0.0;
    for (std::size_t v = 0; v < V; ++v) sum += std::exp(row[v]);
    result.loss += std::log(sum) - target;
    result.correct += *std::max_element(row, row + V) == target ? 1.0 : 0.0;
  }
  return result;
}

Doubles rows_of(const Doubles& x, const Doubles& rows) {
  Doubles picked;
  for (const double row : rows) {
    const auto begin = x.begin() + static_cast<std::ptrdiff_t>(row) * kC;
    picked.insert(picked.end(), begin, begin + kC);
  }
  return picked;
}

Losses token_reference(const Case& c, const Doubles& x, const NamedDoubles& p) {
  const Doubles u =
      linear_reference(rows_of(x, c.slots.values()), p.at("mlm.transform.weight"), p.at("mlm.transform.bias"), kC);
  const Doubles h = norm_reference(gelu_erf_reference(u), p.at("mlm.norm.gamma"), p.at("mlm.norm.beta"), kEpsilon);
  return cross_entropy_reference(linear_reference(h, p.at("table"), p.at("mlm.bias"), kC), c.targets);
}

Losses sentence_reference(const Case& c, const Doubles& x, const NamedDoubles& p) {
  Doubles pooled = linear_reference(rows_of(x, {0, kT, 2 * kT}), p.at("pooler.weight"), p.at("pooler.bias"), kC);
  for (double& v : pooled) v = std::tanh(v);
  return cross_entropy_reference(linear_reference(pooled, p.at("next_sentence.weight"), p.at("next_sentence.bias"), kC),
                                 c.labels);
}

TEST(LayerEncoderHeads, MatchTheDefinitionAndCentralDifferences) {
  Case c(1);
  const Doubles dx = c.loss_and_gradient();
  const NamedDoubles& values = c.rig.values();
  const Losses tokens = token_reference(c, c.x.values(), values);
  const Losses sentences = sentence_reference(c, c.x.values(), values);
  EXPECT_NEAR(c.sums[kTokenLoss], tokens.loss, kTerms * epsilon_of(DType::f32));
  EXPECT_NEAR(c.sums[kSentenceLoss], sentences.loss, kTerms * epsilon_of(DType::f32));
  EXPECT_EQ(c.sums[kCorrectTokens], tokens.correct);
  EXPECT_EQ(c.sums[kCorrectSentences], sentences.correct);
  const auto loss = [&](const Doubles& x, const NamedDoubles& p) {
    return kScale.tokens * token_reference(c, x, p).loss + kScale.sentences * sentence_reference(c, x, p).loss;
  };
  expect_near("dx", dx, numeric_gradient([&](const Doubles& x) { return loss(x, values); }, c.x.values()), kTerms);
  const NamedDoubles gradients = c.rig.gradients();
  for (const auto& [name, value] : values) {
    const auto of_value = [&, key = name](const Doubles& changed) {
      NamedDoubles p = values;
      p[key] = changed;
      return loss(c.x.values(), p);
    };
    expect_near(name, gradients.at(name), numeric_gradient(of_value, value), kTerms);
  }
}

TEST(LayerEncoderHeads, TwoVirtualShardsEqualOne) {
  Case one(1), two(2);
  expect_near("dx", two.loss_and_gradient(), one.loss_and_gradient(), kTerms);
  for (const auto& [name, gradient] : one.rig.gradients()) {
    expect_near(name, two.rig.gradients().at(name), gradient, kTerms);
  }
  for (int i = 0; i < kLossSums; ++i) EXPECT_NEAR(two.sums[i], one.sums[i], kTerms * epsilon_of(DType::f32));
}

TEST(LayerEncoderHeads, LossAloneIsTheLossOfTraining) {
  Case training(2), evaluation(2);
  training.loss_and_gradient();
  evaluation.heads.loss(evaluation.rig.ctx(), evaluation.x.tensor(), evaluation.batch(), evaluation.sums.tensor());
  EXPECT_EQ(evaluation.sums.values(), training.sums.values());
  EXPECT_EQ(largest(evaluation.rig.gradients().at("mlm.bias")), 0.0);
}

TEST(LayerEncoderHeads, PlanningTakesTheMemoryOfRunning) {
  for (const int shards : {1, 2}) {
    Case planned(shards, LayerRig::Mode::plan), run(shards);
    planned.loss_and_gradient();
    run.loss_and_gradient();
    EXPECT_EQ(planned.rig.activations_peak(), run.rig.activations_peak());
    EXPECT_EQ(planned.rig.workspace_peak(), run.rig.workspace_peak());
  }
}

TEST(LayerEncoderHeads, PairsThatAreMissingAreNamed) {
  Case c(1);
  BatchTensors batch = c.batch();
  batch.next_sentence = {};
  EXPECT_THROW(c.heads.loss(c.rig.ctx(), c.x.tensor(), batch, c.sums.tensor()), Error);
}

}  // namespace
}  // namespace phalanx
