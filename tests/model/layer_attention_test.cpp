// The self-attention layer against plain loops in double, over virtual shards of heads, and one position at a time.
#include "model/layers/attention.h"

#include <gtest/gtest.h>

#include "tests/support/layer_reference.h"

namespace phalanx {
namespace {

using namespace phalanx::testing;  // NOLINT(google-build-using-namespace)

constexpr AttentionSizes kSizes{.B = 2, .T = 5, .NH = 2, .HS = 3};
constexpr std::int64_t kN = kSizes.B * kSizes.T, kC = kSizes.NH * kSizes.HS;
constexpr double kTerms = 32 * (kC + kSizes.T);

RowLayer attention_layer() {
  RowLayer layer{.builder = {}, .x = {kN, kC}, .y = {kN, kC}, .B = kSizes.B, .pass = {}};
  const SelfAttention attention(layer.builder, {.prefix = "attention.", .C = kC, .NH = kSizes.NH});
  layer.pass = [attention](const Context& ctx, const Tensor& x, const Tensor& dy) {
    SelfAttention::Saved saved;
    const Tensor y = attention.forward(ctx, x, {}, saved);
    return Pass{y, attention.backward(ctx, dy, x, {}, saved)};
  };
  return layer;
}

TEST(LayerAttention, MatchesTheDefinitionAndCentralDifferences) {
  expect_matches(
      attention_layer(),
      [](const Doubles& x, const NamedDoubles& p) { return self_attention_reference(x, p, "attention.", kSizes); },
      kTerms);
}

TEST(LayerAttention, TwoVirtualShardsEqualOne) { expect_shards_agree(attention_layer(), kTerms); }

TEST(LayerAttention, PlanningTakesTheMemoryOfRunning) {
  for (const int shards : {1, 2}) expect_plan_is_exact(attention_layer(), shards);
}

TEST(LayerAttention, DroppedWeightsBelongToTheGlobalHead) {
  const auto dropped = [](int shards) {
    ParamBuilder builder;
    const SelfAttention attention(builder, {.prefix = "attention.", .C = kC, .NH = kSizes.NH, .dropout = 0.5});
    const LayerRig rig(builder, shards, kSizes.B);
    Context ctx = rig.ctx();
    ctx.training = true;
    Array x = normal_array({kN, kC}, DType::f32, 1);
    SelfAttention::Saved saved;
    const Tensor y = attention.forward(ctx, x.tensor(), {}, saved);
    return Doubles(y.as<float>(), y.as<float>() + y.count());
  };
  const Doubles one = dropped(1);
  expect_near("y", dropped(2), one, kTerms);
  EXPECT_GT(std::abs(one[0] - run_layer(attention_layer(), 1).y[0]), 0.0);  // dropout did something
}

TEST(LayerAttention, DecodingPositionByPositionEqualsTheWholeSequence) {
  ParamBuilder builder;
  const SelfAttention attention(builder, {.prefix = "attention.", .C = kC, .NH = kSizes.NH});
  const LayerRig rig(builder, 2, kSizes.B);
  Array x = normal_array({kN, kC}, DType::f32, 1);
  SelfAttention::Saved saved;
  const Tensor whole = attention.forward(rig.ctx(), x.tensor(), {}, saved);
  const SelfAttention::Cache cache = attention.make_cache(rig.ctx(), kSizes.B, kSizes.T);
  for (std::int64_t t = 0; t < kSizes.T; ++t) {
    Array x_t({kSizes.B, kC});
    Doubles want;
    for (std::int64_t i = 0; i < kSizes.B * kC; ++i) {
      const std::int64_t at = (i / kC * kSizes.T + t) * kC + i % kC;
      x_t.set(i, x[at]);
      want.push_back(whole.as<float>()[at]);
    }
    const Tensor y = attention.decode(rig.ctx(), x_t.tensor(), cache, static_cast<int>(t) + 1);
    expect_near("y", Doubles(y.as<float>(), y.as<float>() + y.count()), want, kTerms);
  }
}

}  // namespace
}  // namespace phalanx
