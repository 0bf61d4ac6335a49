// The embedding layer: rows of the tables, gradients back to them, and parts of a vocabulary.
#include "model/layers/embedding.h"

#include <gtest/gtest.h>

#include "model/layers/vocabulary_part.h"
#include "tests/support/layer_rig.h"

namespace phalanx {
namespace {

using namespace phalanx::testing;  // NOLINT(google-build-using-namespace)

constexpr std::int64_t kV = 131, kC = 5, kT = 4, kN = 8;  // two shards: rows 0 to 127 and 128 to 130

struct Case {
  explicit Case(int shards, LayerRig::Mode mode = LayerRig::Mode::run)
      : layer(builder, {.V = kV, .C = kC, .T = kT}), rig(builder, shards, kN / kT, mode) {
    y = layer.forward(rig.ctx(), {tokens.tensor(), positions.tensor(), {}});
    layer.backward(rig.ctx(), dy.tensor(), {tokens.tensor(), positions.tensor(), {}});
  }
  ParamBuilder builder;
  Embedding layer;
  LayerRig rig;
  Array tokens = array_of<std::int32_t>({0, 130, 7, 7, 127, 128, 7, 0}, {kN});  // of both shards, some repeated
  Array positions = array_of<std::int32_t>({0, 1, 2, 3, 0, 1, 0, 1}, {kN});
  Array dy = normal_array({kN, kC}, DType::f32, 3);
  Tensor y;
};

TEST(LayerEmbedding, AddsTheRowsOfTokenAndPosition) {
  Case run(1);
  const Doubles& token_table = run.rig.values().at("embedding.token");
  const Doubles& position_table = run.rig.values().at("embedding.position");
  Doubles want;
  for (std::int64_t i = 0; i < kN * kC; ++i) {
    const auto row = [&](const Array& ids) { return static_cast<std::size_t>(ids[i / kC]) * kC + i % kC; };
    want.push_back(token_table[row(run.tokens)] + position_table[row(run.positions)]);
  }
  expect_near("y", Doubles(run.y.as<float>(), run.y.as<float>() + run.y.count()), want, 1);
}

TEST(LayerEmbedding, BackwardSumsTheRowsThatUsedAnEntry) {
  const Case run(1);
  Doubles tokens(kV * kC), positions(kT * kC);
  for (std::int64_t i = 0; i < kN * kC; ++i) {
    tokens[static_cast<std::size_t>(run.tokens[i / kC]) * kC + i % kC] += run.dy[i];
    positions[static_cast<std::size_t>(run.positions[i / kC]) * kC + i % kC] += run.dy[i];
  }
  expect_near("tokens", run.rig.gradients().at("embedding.token"), tokens, kN);
  expect_near("positions", run.rig.gradients().at("embedding.position"), positions, kN);
}

TEST(LayerEmbedding, TwoVirtualShardsEqualOneBitForBit) {  // all but one partial row are zero
  const Case one(1), two(2);
  EXPECT_EQ(std::memcmp(one.y.data, two.y.data, static_cast<std::size_t>(one.y.bytes())), 0);
  EXPECT_EQ(two.rig.gradients(), one.rig.gradients());
}

TEST(LayerEmbedding, PlanningTakesTheMemoryOfRunning) {
  for (const int shards : {1, 2}) {
    const Case planned(shards, LayerRig::Mode::plan), run(shards);
    EXPECT_EQ(planned.rig.activations_peak(), run.rig.activations_peak());
    EXPECT_EQ(planned.rig.workspace_peak(), run.rig.workspace_peak());
  }
}

TEST(LayerEmbedding, PartsOfAVocabularyCoverItOnce) {
  for (const std::int64_t V : {1, 128, 129, 300, 50257}) {
    for (const int shards : {1, 2, 3, 4}) {
      std::int64_t rows = 0;
      for (int s = 0; s < shards; ++s) {
        const VocabularyPart part = vocabulary_part(V, s, shards);
        EXPECT_TRUE(part.valid == 0 || part.begin == rows) << V << " over " << shards;
        rows += part.valid;
      }
      EXPECT_EQ(rows, V) << "over " << shards;
    }
  }
}

}  // namespace
}  // namespace phalanx
