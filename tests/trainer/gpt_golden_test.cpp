// A tiny GPT against PyTorch in float64: loss, all gradients, and 20 AdamW steps (tests/golden/make_gpt_golden.py).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "parallel/comm_self.h"
#include "trainer/build.h"
#include "trainer/replica.h"

namespace phalanx {
namespace {

constexpr int kV = 37, kC = 16, kNH = 4, kF = 64, kL = 2, kB = 2, kT = 11;

nlohmann::json golden() {
  std::ifstream file(std::string(PHALANX_SOURCE_DIR) + "/tests/golden/gpt_tiny_golden.json");
  return nlohmann::json::parse(file);
}

// The batch of make_gpt_golden.py at `step`.
Batch golden_batch(int step) {
  Batch batch;
  batch.resize(kB, kT);
  for (int b = 0; b < kB; ++b) {
    batch.sequences[static_cast<std::size_t>(b)] = b;
    for (int t = 0; t < kT; ++t) {
      const auto i = static_cast<std::size_t>(b * kT + t);
      const int begin = b == 1 && t >= 5 ? 5 : 0;
      batch.tokens[i] = (7 * b + 5 * t + t * t + 3 * step) % kV;
      batch.targets[i] = (3 * b + 11 * t + 2 * step + 1) % kV;
      batch.positions[i] = t - begin;
      batch.document_begin[i] = begin;
      batch.document_end[i] = b == 1 && t < 5 ? 5 : kT;
    }
  }
  batch.targets[kT + 4] = Batch::kIgnore;
  batch.predicted = kB * kT - 1;
  return batch;
}

class GptGolden : public testing::TestWithParam<Recompute> {
 protected:
  GptGolden() : golden_(golden()), self_(make_self_communicator("self")) {
    const ReplicaOptions options{
        .network = {.L = kL, .C = kC, .NH = kNH, .F = kF, .T = kT, .V = kV, .recompute = GetParam()},
        .bucket_elements = 1000};
    replica_ = std::make_unique<Replica>(options, *self_, *self_, [](Context ctx, const Network& network) {
      ctx.matrix_gradients = ops::Write::overwrite;
      network.forward_backward(ctx, empty_batch({.B = kB, .T = kT}), {}, ctx.take({kLossSums}, DType::f64));
    });
    set_weights();
  }

  void set_weights() {
    const ParamLayout& layout = replica_->layout();
    for (const OwnedPiece& piece : replica_->optimizer().pieces()) {
      const ParamSpec& spec = layout.table()[static_cast<std::size_t>(piece.spec)];
      float* out = replica_->optimizer().master().as<float>() + piece.own_offset;
      for (std::int64_t i = 0; i < piece.count; ++i) {
        const std::int64_t g = global_index(spec, piece.shard, piece.shard_count, piece.begin + i);
        const double base = spec.init == Init::ones ? 1.0 : 0.0;
        out[i] =
            g < 0 ? 0.0F : static_cast<float>(base + 0.2 * std::sin(1.7 * static_cast<double>(g) + 0.9 * piece.spec));
      }
    }
    replica_->publish_masters();
  }

  // Loss of a step; gradients are left in the replica.
  double forward_backward(int step) {
    const Batch batch = golden_batch(step);
    const Tensor& gradients = replica_->parameters().flat_gradients();
    std::fill_n(gradients.as<float>(), gradients.count(), 7.0F);  // of an earlier step
    replica_->parameters().clear_gradients();
    fill_zero(replica_->loss_sums(), {});
    replica_->reducer().begin_last_backward();
    const Context ctx = replica_->context(ops::Write::overwrite);
    replica_->network().forward_backward(ctx, batch, {1.0 / static_cast<double>(batch.predicted)},
                                         replica_->loss_sums());
    replica_->reducer().finish({});
    return replica_->read_loss_sums()[kTokenLoss] / static_cast<double>(batch.predicted);
  }

  nlohmann::json golden_;
  std::unique_ptr<Communicator> self_;
  std::unique_ptr<Replica> replica_;
};

TEST_P(GptGolden, LossAndAllGradientsMatchPyTorch) {
  const double loss = forward_backward(0);
  EXPECT_NEAR(loss, golden_["losses"][0].get<double>(), 1e-6 * loss);
  const ParamLayout& layout = replica_->layout();
  for (const OwnedPiece& piece : replica_->optimizer().pieces()) {
    const ParamSpec& spec = layout.table()[static_cast<std::size_t>(piece.spec)];
    const auto expected = golden_["gradients"][spec.name].get<std::vector<double>>();
    ASSERT_EQ(static_cast<std::int64_t>(expected.size()), spec.shape.count()) << spec.name;
    // Rounding of fp32 sums of some hundred terms, relative to the tensor's size.
    double square = 0;
    for (const double g : expected) square += g * g;
    const double tolerance = 2e-6 * std::sqrt(square / static_cast<double>(expected.size())) + 2e-7;
    const float* got = replica_->parameters().flat_gradients().as<float>() + piece.flat_offset;
    for (std::int64_t i = 0; i < piece.count; ++i) {
      const std::int64_t g = global_index(spec, piece.shard, piece.shard_count, piece.begin + i);
      const double want = g < 0 ? 0.0 : expected[static_cast<std::size_t>(g)];
      ASSERT_NEAR(got[i], want, tolerance + 2e-6 * std::abs(want)) << spec.name << "[" << g << "]";
    }
  }
}

TEST_P(GptGolden, TwentyAdamwStepsReproduceTheLossCurve) {
  const ops::Exec exec = replica_->context().exec;
  for (int step = 0; step < 20; ++step) {
    const double loss = forward_backward(step);
    const double expected = golden_["losses"][static_cast<std::size_t>(step)].get<double>();
    ASSERT_NEAR(loss, expected, 1e-5 * expected) << "step " << step;
    double square = 0;
    for (const double sum : replica_->grad_norm().local_sums(exec, replica_->parameters().flat_gradients()))
      square += sum;
    const double norm = std::sqrt(square);
    ASSERT_NEAR(norm, golden_["norms"][static_cast<std::size_t>(step)].get<double>(), 1e-4 * norm) << "step " << step;
    replica_->optimizer().update(exec, {.beta1 = 0.9F, .beta2 = 0.95F, .epsilon = 1e-8F, .weight_decay = 0.1F}, 3e-3F,
                                 static_cast<float>(clip_factor(norm, 1.0)), step + 1);
    replica_->publish_weights();
  }
}

INSTANTIATE_TEST_SUITE_P(AllRecompute, GptGolden,
                         testing::Values(Recompute::none, Recompute::selective, Recompute::full));

}  // namespace
}  // namespace phalanx
