// Column- and row-parallel linear layers: a pair of them is the same function for any number of virtual shards.
#include "model/layers/linear.h"

#include <gtest/gtest.h>

#include "tests/support/layer_reference.h"

namespace phalanx {
namespace {

using namespace phalanx::testing;  // NOLINT(google-build-using-namespace)

constexpr std::int64_t kN = 5, kC = 7, kF = 6, kOut = 3;

// y (N, 3) = (x (N, 7) W1ᵀ + b1) W2ᵀ
RowLayer column_then_row() {
  RowLayer layer{.builder = {}, .x = {kN, kC}, .y = {kN, kOut}, .pass = {}};
  const ColumnLinear up(layer.builder, {.name = "up.weight", .shape = {kF, kC}, .split = Split::rows},
                        ParamSpec{.name = "up.bias", .shape = {kF}, .split = Split::rows});
  const RowLinear down(layer.builder, {.name = "down.weight", .shape = {kOut, kF}, .split = Split::columns},
                       ParamSpec{.name = "down.bias", .shape = {kOut}});
  layer.pass = [up, down](const Context& ctx, const Tensor& x, const Tensor& dy) {
    const Tensor h = up.forward(ctx, x);
    const Tensor y = down.forward(ctx, h);
    return Pass{y, up.backward(ctx, down.backward(ctx, dy, h), x, ColumnLinear::Bias::here)};
  };
  return layer;
}

TEST(LayerLinear, MatchesTheDefinitionAndCentralDifferences) {
  expect_matches(
      column_then_row(),
      [](const Doubles& x, const NamedDoubles& p) {
        return linear_reference(linear_reference(x, p.at("up.weight"), p.at("up.bias"), kC), p.at("down.weight"), {},
                                kF);
      },
      8 * (kC + kF));
}

TEST(LayerLinear, TwoVirtualShardsEqualOne) { expect_shards_agree(column_then_row(), 8 * (kC + kF)); }

TEST(LayerLinear, PlanningTakesTheMemoryOfRunning) {
  for (const int shards : {1, 2, 3}) expect_plan_is_exact(column_then_row(), shards);
}

TEST(LayerLinear, TheRowBiasIsLeftToOthers) {
  const LayerRun run = run_layer(column_then_row(), 1);
  EXPECT_EQ(largest(run.gradients.at("down.bias")), 0.0);
  EXPECT_GT(largest(run.gradients.at("up.bias")), 0.0);
}

}  // namespace
}  // namespace phalanx
