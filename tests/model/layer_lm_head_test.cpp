// The head: loss and gradients against plain loops in double, over parts of the vocabulary, and chunk by chunk.
#include "model/layers/lm_head.h"

#include <gtest/gtest.h>

#include "core/batch.h"
#include "tests/support/layer_reference.h"

namespace phalanx {
namespace {

using namespace phalanx::testing;  // NOLINT(google-build-using-namespace)

constexpr std::int64_t kV = 131, kC = 6;  // two shards: rows 0 to 127 and 128 to 130
constexpr float kScale = 0.25F;
constexpr double kTerms = 16 * (kC + kV);

Array targets_for(std::int64_t N) {
  Array targets({N}, DType::i32);
  for (std::int64_t n = 0; n < N; ++n) targets.set(n, n % 5 == 3 ? Batch::kIgnore : static_cast<double>(37 * n % kV));
  return targets;
}

struct Case {
  Case(std::int64_t N, int shards, LayerRig::Mode mode = LayerRig::Mode::run)
      : table(builder.add_matrix({.name = "table", .shape = {kV, kC}, .split = Split::rows, .vocabulary = true})),
        head(table, kV),
        rig(builder, shards, 1, mode),
        x(normal_array({N, kC}, DType::f32, 1)),
        targets(targets_for(N)),
        loss_sum({1}, DType::f64),
        correct({1}, DType::f64) {}
  // Rows [begin, begin + n), added to the loss and the table's gradient.
  Doubles rows(std::int64_t begin, std::int64_t n) {
    const Tensor dx =
        head.loss_and_gradient(rig.ctx(), x.tensor().slice(begin, n), targets.tensor().slice(begin, n), kScale, sums());
    return rig.ctx().exec.planning() ? Doubles{} : Doubles(dx.as<float>(), dx.as<float>() + dx.count());
  }
  LmHead::Sums sums() { return {loss_sum.tensor(), correct.tensor()}; }
  ParamBuilder builder;
  int table;
  LmHead head;
  LayerRig rig;
  Array x, targets, loss_sum, correct;
};

double loss_reference(const Doubles& x, const Doubles& table, const Array& targets) {
  const Doubles logits = linear_reference(x, table, {}, kC);
  double loss = 0.0;
  for (std::int64_t n = 0; n < targets.count(); ++n) {
    if (targets[n] < 0) continue;
    const double* row = logits.data() + n * kV;
    double sum = 0.0;
    for (std::int64_t v = 0; v < kV; ++v) sum += std::exp(row[v]);
    loss += std::log(sum) - row[static_cast<std::int64_t>(targets[n])];
  }
  return loss;
}

TEST(LayerLmHead, MatchesTheDefinitionAndCentralDifferences) {
  constexpr std::int64_t N = 9;
  Case run(N, 1);
  const Doubles dx = run.rows(0, N);
  const Doubles table = run.rig.values().at("table");
  EXPECT_NEAR(run.loss_sum[0], loss_reference(run.x.values(), table, run.targets), kTerms * epsilon_of(DType::f32));
  const auto of_x = [&](const Doubles& x) { return kScale * loss_reference(x, table, run.targets); };
  const auto of_table = [&](const Doubles& w) { return kScale * loss_reference(run.x.values(), w, run.targets); };
  expect_near("dx", dx, numeric_gradient(of_x, run.x.values()), kTerms);
  expect_near("dtable", run.rig.gradients().at("table"), numeric_gradient(of_table, table), kTerms);
}

TEST(LayerLmHead, TwoVirtualShardsEqualOne) {
  constexpr std::int64_t N = 9;
  Case one(N, 1), two(N, 2);
  const Doubles dx = one.rows(0, N);
  expect_near("dx", two.rows(0, N), dx, kTerms);
  expect_near("dtable", two.rig.gradients().at("table"), one.rig.gradients().at("table"), kTerms);
  EXPECT_NEAR(two.loss_sum[0], one.loss_sum[0], kTerms * epsilon_of(DType::f32));
}

TEST(LayerLmHead, ChunksGiveWhatTheirRowsGiveByThemselves) {
  constexpr std::int64_t N = LmHead::kChunkRows + 5;
  Case whole(N, 2), parts(N, 2);
  const Doubles dx = whole.rows(0, N);
  Doubles dx_parts = parts.rows(0, LmHead::kChunkRows);
  const Doubles rest = parts.rows(LmHead::kChunkRows, 5);
  dx_parts.insert(dx_parts.end(), rest.begin(), rest.end());
  EXPECT_EQ(dx, dx_parts);
  EXPECT_EQ(whole.loss_sum[0], parts.loss_sum[0]);
  EXPECT_EQ(whole.rig.gradients(), parts.rig.gradients());
}

TEST(LayerLmHead, LossAloneIsTheLossOfTraining) {
  constexpr std::int64_t N = LmHead::kChunkRows + 5;
  Case training(N, 2), evaluation(N, 2);
  training.rows(0, N);
  evaluation.head.loss(evaluation.rig.ctx(), evaluation.x.tensor(), evaluation.targets.tensor(), evaluation.sums());
  EXPECT_EQ(evaluation.loss_sum[0], training.loss_sum[0]);
  EXPECT_EQ(evaluation.correct[0], training.correct[0]);
  EXPECT_EQ(largest(evaluation.rig.gradients().at("table")), 0.0);
}

TEST(LayerLmHead, PlanningTakesTheMemoryOfRunning) {
  for (const int shards : {1, 2}) {
    constexpr std::int64_t N = LmHead::kChunkRows + 5;
    Case planned(N, shards, LayerRig::Mode::plan), run(N, shards);
    planned.rows(0, N);
    run.rows(0, N);
    EXPECT_EQ(planned.rig.activations_peak(), run.rig.activations_peak());
    EXPECT_EQ(planned.rig.workspace_peak(), run.rig.workspace_peak());
  }
}

}  // namespace
}  // namespace phalanx
