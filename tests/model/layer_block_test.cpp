// The transformer block: against plain loops in double, over virtual shards, and with what recomputation leaves out.
#include "model/layers/block.h"

#include <gtest/gtest.h>

#include "model/recompute.h"
#include "tests/support/layer_reference.h"

namespace phalanx {
namespace {

using namespace phalanx::testing;  // NOLINT(google-build-using-namespace)

constexpr AttentionSizes kSizes{.B = 2, .T = 3, .NH = 2, .HS = 4};
constexpr std::int64_t kN = kSizes.B * kSizes.T, kC = kSizes.NH * kSizes.HS, kF = 8;
constexpr float kEpsilon = 1e-3F;
constexpr double kTerms = 64 * (kC + kF + kSizes.T);

// The stream x with no branch goes in; what comes out is dy's gradient by both paths, residual and branch.
RowLayer block_layer(Recompute recompute, const BlockOptions& options) {
  RowLayer layer{.builder = {}, .x = {kN, kC}, .y = {kN, kC}, .B = kSizes.B, .pass = {}};
  const TransformerBlock block(layer.builder, options);
  layer.pass = [block, recompute](const Context& given, const Tensor& x, const Tensor& dy) {
    Context ctx = given;
    ctx.training = true;
    ctx.positions = ctx.take({kN}, DType::i32);
    for (std::int64_t n = 0; !ctx.exec.planning() && n < kN; ++n) {
      ctx.positions.as<std::int32_t>()[n] = static_cast<std::int32_t>(n % kSizes.T);
    }
    TransformerBlock::Shared shared;
    if (recompute == Recompute::selective) {
      shared = {ctx.take({kN, kC}), ctx.take({ctx.shards().count, kN, kF / ctx.shards().total})};
    }
    TransformerBlock::Saved saved;
    const ResidualStream out = block.forward(ctx, {x, {}, -1, {}}, {}, shared, saved);
    const Tensor y = ctx.take(x.shape);
    if (!ctx.exec.planning()) {
      for (std::int64_t i = 0; i < x.count(); ++i) {
        y.as<float>()[i] = out.residual.as<float>()[i] + out.branch.as<float>()[i];
      }
    }
    if (recompute == Recompute::full) block.recompute(ctx, {}, saved);
    const Tensor dresidual = ctx.take(dy.shape);
    ctx.copy(dresidual, dy);
    return Pass{y, block.backward(ctx, {dresidual, dy}, {}, shared, saved).dresidual};
  };
  return layer;
}

BlockOptions plain(double dropout = 0.0) {
  return {
      .C = kC, .NH = kSizes.NH, .F = kF, .dropout = dropout, .attention_dropout = dropout, .norm_epsilon = kEpsilon};
}

RowLayer block_layer(Recompute recompute, double dropout = 0.0) { return block_layer(recompute, plain(dropout)); }

// Without the bias of the last branch, which the next norm adds.
Doubles block_reference(const Doubles& x, const NamedDoubles& p) {
  const std::string l = "layers.0.";
  const auto norm = [&](const Doubles& v, const std::string& name) {
    return norm_reference(v, p.at(l + name + "gamma"), p.at(l + name + "beta"), kEpsilon);
  };
  const Doubles attention = self_attention_reference(norm(x, "norm1."), p, l + "attention.", kSizes);
  const Doubles x2 = sum_of(x, rows_plus(attention, p.at(l + "attention.out.bias")));
  return sum_of(x2, mlp_reference(norm(x2, "norm2."), p, l + "mlp.", kC));
}

// The modern encoder's: no biases, rotary positions, a window, GeGLU; the first layer without attention norm.
constexpr float kTheta = 100.0F;
constexpr AttentionRules kModernRules{.window = 1};  // causal, as all masks of this file

BlockOptions modern(bool attention_norm, double dropout = 0.0) {
  BlockOptions options = plain(dropout);
  options.activation = ops::Gelu::erf;
  options.attention_norm = attention_norm;
  options.biases = false;
  options.gated = true;
  options.window = kModernRules.window;
  options.rope_theta = kTheta;
  return options;
}

Doubles modern_reference(const Doubles& x, const NamedDoubles& p, bool attention_norm) {
  const std::string l = "layers.0.";
  const auto norm = [&](const Doubles& v, const std::string& name) {
    return norm_reference(v, p.at(l + name + "gamma"), Doubles(kC, 0.0), kEpsilon);
  };
  const Doubles h = attention_norm ? norm(x, "norm1.") : x;
  Doubles positions;
  for (std::int64_t n = 0; n < kN; ++n) positions.push_back(static_cast<double>(n % kSizes.T));
  const Doubles qkv = rope_reference(linear_reference(h, p.at(l + "attention.qkv.weight"), {}, kC), positions,
                                     kSizes.NH, kSizes.HS, kTheta);
  const Doubles out = attention_reference(qkv, kSizes, kModernRules).out;
  const Doubles x2 = sum_of(x, linear_reference(out, p.at(l + "attention.out.weight"), {}, kC));
  const Doubles up = linear_reference(norm(x2, "norm2."), p.at(l + "mlp.up.weight"), {}, kC);
  Doubles gated;
  for (std::int64_t i = 0; i < kN * kF; ++i) {
    const auto row = static_cast<std::size_t>(i / kF * 2 * kF + i % kF);
    gated.push_back(gelu_erf_reference({up[row]})[0] * up[row + kF]);
  }
  return sum_of(x2, linear_reference(gated, p.at(l + "mlp.down.weight"), {}, kF));
}

TEST(LayerBlock, MatchesTheDefinitionAndCentralDifferences) {
  expect_matches(block_layer(Recompute::none), block_reference, kTerms);
  for (const bool norm : {true, false}) {
    expect_matches(
        block_layer(Recompute::none, modern(norm)),
        [norm](const Doubles& x, const NamedDoubles& p) { return modern_reference(x, p, norm); }, kTerms);
  }
}

TEST(LayerBlock, TwoVirtualShardsEqualOne) {
  expect_shards_agree(block_layer(Recompute::none), kTerms);
  expect_shards_agree(block_layer(Recompute::none, 0.3), kTerms);
  expect_shards_agree(block_layer(Recompute::none, modern(true, 0.3)), kTerms);
}

TEST(LayerBlock, PlanningTakesTheMemoryOfRunning) {
  for (const Recompute recompute : {Recompute::none, Recompute::selective, Recompute::full}) {
    for (const int shards : {1, 2}) {
      expect_plan_is_exact(block_layer(recompute, 0.3), shards);
      expect_plan_is_exact(block_layer(recompute, modern(false, 0.3)), shards);
    }
  }
}

TEST(LayerBlock, RecomputationChangesNoBit) {
  for (const BlockOptions& options : {plain(0.3), modern(true, 0.3), modern(false, 0.3)}) {
    const LayerRun none = run_layer(block_layer(Recompute::none, options), 2);
    for (const Recompute recompute : {Recompute::selective, Recompute::full}) {
      const LayerRun again = run_layer(block_layer(recompute, options), 2);
      EXPECT_EQ(again.y, none.y);
      EXPECT_EQ(again.dx, none.dx);
      EXPECT_EQ(again.gradients, none.gradients);
    }
  }
}

}  // namespace
}  // namespace phalanx
