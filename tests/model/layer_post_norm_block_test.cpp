// The post-norm block: against plain loops in double, over virtual shards, and with what recomputation leaves out.
#include "model/layers/post_norm_block.h"

#include <gtest/gtest.h>

#include "model/recompute.h"
#include "tests/support/layer_reference.h"

namespace phalanx {
namespace {

using namespace phalanx::testing;  // NOLINT(google-build-using-namespace)

constexpr AttentionSizes kSizes{.B = 2, .T = 3, .NH = 2, .HS = 3};
constexpr AttentionRules kRules{.causal = false};
constexpr std::int64_t kN = kSizes.B * kSizes.T, kC = kSizes.NH * kSizes.HS, kF = 8;
constexpr float kEpsilon = 1e-3F;
constexpr double kTerms = 64 * (kC + kF + kSizes.T);

// Two blocks, so that the second one's input is recomputed.
RowLayer blocks_layer(Recompute recompute, double dropout = 0.0) {
  RowLayer layer{.builder = {}, .x = {kN, kC}, .y = {kN, kC}, .B = kSizes.B, .pass = {}};
  std::vector<PostNormBlock> blocks;
  blocks.reserve(2);
  for (int l = 0; l < 2; ++l) {
    blocks.emplace_back(layer.builder, BlockOptions{.layer = l,
                                                    .C = kC,
                                                    .NH = kSizes.NH,
                                                    .F = kF,
                                                    .dropout = dropout,
                                                    .attention_dropout = dropout,
                                                    .norm_epsilon = kEpsilon});
  }
  layer.pass = [blocks, recompute](const Context& given, const Tensor& x, const Tensor& dy) {
    Context ctx = given;
    ctx.training = true;
    const ops::AttentionMask mask{.causal = false, .document_begin = {}, .document_end = {}};
    PostNormBlock::Shared shared;
    if (recompute == Recompute::selective) {
      shared = {ctx.take({kN, kC}), ctx.take({kN, kC}), ctx.take({ctx.shards().count, kN, kF / ctx.shards().total})};
    }
    PostNormBlock::Saved saved[2];
    const Tensor z = blocks[1].forward(ctx, blocks[0].forward(ctx, x, mask, shared, saved[0]), mask, shared, saved[1]);
    const Tensor y = ctx.take(x.shape);
    ctx.copy(y, z);
    const Tensor d = ctx.take(dy.shape);
    ctx.copy(d, dy);
    if (recompute == Recompute::selective) blocks[0].recompute_output(ctx, saved[0]);
    blocks[1].backward(ctx, d, mask, shared, saved[1]);
    blocks[0].backward(ctx, d, mask, shared, saved[0]);
    return Pass{y, d};
  };
  return layer;
}

Doubles blocks_reference(const Doubles& x, const NamedDoubles& p) {
  Doubles z = x;
  for (const std::string l : {"layers.0.", "layers.1."}) {
    const auto norm = [&](const Doubles& v, const std::string& name) {
      return norm_reference(v, p.at(l + name + "gamma"), p.at(l + name + "beta"), kEpsilon);
    };
    const Doubles attention = self_attention_reference(z, p, l + "attention.", kSizes, kRules);
    const Doubles y = norm(sum_of(z, rows_plus(attention, p.at(l + "attention.out.bias"))), "norm1.");
    z = norm(sum_of(y, rows_plus(mlp_reference(y, p, l + "mlp.", kC), p.at(l + "mlp.down.bias"))), "norm2.");
  }
  return z;
}

TEST(LayerPostNormBlock, MatchesTheDefinitionAndCentralDifferences) {
  expect_matches(blocks_layer(Recompute::none), blocks_reference, 2 * kTerms);
}

TEST(LayerPostNormBlock, TwoVirtualShardsEqualOne) {
  expect_shards_agree(blocks_layer(Recompute::none), kTerms);
  expect_shards_agree(blocks_layer(Recompute::none, 0.3), kTerms);
}

TEST(LayerPostNormBlock, PlanningTakesTheMemoryOfRunning) {
  for (const Recompute recompute : {Recompute::none, Recompute::selective}) {
    for (const int shards : {1, 2}) expect_plan_is_exact(blocks_layer(recompute, 0.3), shards);
  }
}

TEST(LayerPostNormBlock, RecomputationChangesNoBit) {
  const LayerRun none = run_layer(blocks_layer(Recompute::none, 0.3), 2);
  const LayerRun again = run_layer(blocks_layer(Recompute::selective, 0.3), 2);
  EXPECT_EQ(again.y, none.y);
  EXPECT_EQ(again.dx, none.dx);
  EXPECT_EQ(again.gradients, none.gradients);
}

}  // namespace
}  // namespace phalanx
