// The norm layer alone and with the residual branch that it adds first.
#include "model/layers/norm.h"

#include <gtest/gtest.h>

#include "tests/support/layer_reference.h"

namespace phalanx {
namespace {

using namespace phalanx::testing;  // NOLINT(google-build-using-namespace)

constexpr std::int64_t kN = 5, kC = 7;
constexpr float kEpsilon = 1e-5F;
constexpr double kTerms = 32 * kC;

RowLayer plain_norm() {
  RowLayer layer{.builder = {}, .x = {kN, kC}, .y = {kN, kC}, .pass = {}};
  const Norm norm(layer.builder, {.prefix = "norm.", .C = kC, .epsilon = kEpsilon});
  layer.pass = [norm](const Context& ctx, const Tensor& x, const Tensor& dy) {
    Norm::Saved saved;
    const ResidualStream in{x, {}, -1, {}};
    norm.forward(ctx, in, saved);
    return Pass{saved.y, norm.backward(ctx, dy, {}, in, saved).dresidual};
  };
  return layer;
}

// y = norm(x + (2 x + bias)): residual and branch both stem from x; the sum goes on beside y and is added to it.
RowLayer residual_norm() {
  RowLayer layer{.builder = {}, .x = {kN, kC}, .y = {kN, kC}, .pass = {}};
  const int bias = layer.builder.add({.name = "bias", .shape = {kC}});
  const Norm norm(layer.builder, {.prefix = "norm.", .C = kC, .epsilon = kEpsilon});
  layer.pass = [norm, bias](const Context& ctx, const Tensor& x, const Tensor& dy) {
    const Tensor branch = ctx.take(x.shape);
    const Tensor dsum = ctx.take(x.shape);
    ctx.copy(dsum, dy);
    const bool planning = ctx.exec.planning();
    for (std::int64_t i = 0; !planning && i < x.count(); ++i) branch.as<float>()[i] = 2.0F * x.as<float>()[i];
    Norm::Saved saved;
    const ResidualStream in{x, branch, bias, {}};
    norm.forward(ctx, in, saved);
    const StreamGradient gradient = norm.backward(ctx, dy, dsum, in, saved);
    const Tensor y = ctx.take(x.shape);
    const Tensor dx = ctx.take(x.shape);
    for (std::int64_t i = 0; !planning && i < x.count(); ++i) {
      y.as<float>()[i] = saved.y.as<float>()[i] + saved.sum.as<float>()[i];
      dx.as<float>()[i] = gradient.dresidual.as<float>()[i] + 2.0F * gradient.dbranch.as<float>()[i];
    }
    return Pass{y, dx};
  };
  return layer;
}

TEST(LayerNorm, MatchesTheDefinitionAndCentralDifferences) {
  expect_matches(
      plain_norm(),
      [](const Doubles& x, const NamedDoubles& p) {
        return norm_reference(x, p.at("norm.gamma"), p.at("norm.beta"), kEpsilon);
      },
      kTerms);
}

TEST(LayerNorm, AddsTheBranchWithItsBiasAndSendsGradientsDownBothPaths) {
  expect_matches(
      residual_norm(),
      [](const Doubles& x, const NamedDoubles& p) {
        const Doubles sum = sum_of(x, rows_plus(sum_of(x, x), p.at("bias")));
        return sum_of(sum, norm_reference(sum, p.at("norm.gamma"), p.at("norm.beta"), kEpsilon));
      },
      kTerms);
}

TEST(LayerNorm, PlanningTakesTheMemoryOfRunning) {
  expect_plan_is_exact(plain_norm(), 1);
  expect_plan_is_exact(residual_norm(), 2);
}

TEST(LayerNorm, RecomputingFromTheSumGivesTheSameBits) {
  ParamBuilder builder;
  const Norm norm(builder, {.prefix = "norm.", .C = kC, .epsilon = kEpsilon});
  const LayerRig rig(builder, 1, 1);
  Array x = normal_array({kN, kC}, DType::f32, 1);
  Array branch = normal_array({kN, kC}, DType::f32, 2);
  Norm::Saved saved;
  norm.forward(rig.ctx(), {x.tensor(), branch.tensor(), -1, {}}, saved);
  Norm::Saved again{saved.sum, rig.ctx().take({kN}, DType::f32), rig.ctx().take({kN}, DType::f32),
                    rig.ctx().take({kN, kC})};
  norm.recompute(rig.ctx(), again);
  EXPECT_EQ(std::memcmp(again.y.data, saved.y.data, static_cast<std::size_t>(saved.y.bytes())), 0);
  EXPECT_EQ(std::memcmp(again.rstd.data, saved.rstd.data, static_cast<std::size_t>(saved.rstd.bytes())), 0);
}

}  // namespace
}  // namespace phalanx
