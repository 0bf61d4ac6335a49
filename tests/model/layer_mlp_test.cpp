// The MLP layer against plain loops in double, and over virtual shards.
#include "model/layers/mlp.h"

#include <gtest/gtest.h>

#include "tests/support/layer_reference.h"

namespace phalanx {
namespace {

using namespace phalanx::testing;  // NOLINT(google-build-using-namespace)

constexpr std::int64_t kN = 5, kC = 7, kF = 6;
constexpr double kTerms = 8 * (kC + kF);

enum class Activations : std::uint8_t { kept, computed_again };

RowLayer mlp_layer(Activations activations) {
  RowLayer layer{.builder = {}, .x = {kN, kC}, .y = {kN, kC}, .pass = {}};
  const Mlp mlp(layer.builder, {.prefix = "mlp.", .C = kC, .F = kF});
  layer.pass = [mlp, activations](const Context& ctx, const Tensor& x, const Tensor& dy) {
    Mlp::Saved saved;
    const Tensor y = mlp.forward(ctx, x, saved);
    if (activations == Activations::computed_again) saved.a = {};
    return Pass{y, mlp.backward(ctx, dy, x, saved)};
  };
  return layer;
}

TEST(LayerMlp, MatchesTheDefinitionAndCentralDifferences) {
  expect_matches(
      mlp_layer(Activations::kept),
      [](const Doubles& x, const NamedDoubles& p) { return mlp_reference(x, p, "mlp.", kC); }, kTerms);
}

TEST(LayerMlp, TwoVirtualShardsEqualOne) { expect_shards_agree(mlp_layer(Activations::kept), kTerms); }

TEST(LayerMlp, PlanningTakesTheMemoryOfRunning) {
  for (const int shards : {1, 2, 3}) {
    expect_plan_is_exact(mlp_layer(Activations::kept), shards);
    expect_plan_is_exact(mlp_layer(Activations::computed_again), shards);
  }
}

TEST(LayerMlp, ActivationsThatAreComputedAgainChangeNoBit) {
  const LayerRun kept = run_layer(mlp_layer(Activations::kept), 2);
  const LayerRun again = run_layer(mlp_layer(Activations::computed_again), 2);
  EXPECT_EQ(again.dx, kept.dx);
  EXPECT_EQ(again.gradients, kept.gradients);
}

}  // namespace
}  // namespace phalanx
