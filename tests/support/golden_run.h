// GoldenRun: a tiny network on one rank beside what PyTorch computed in float64 for the same weights and batches
// (tests/golden/make_*.py): loss, all gradients, and 20 AdamW steps.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "parallel/comm_self.h"
#include "parallel/shard_index.h"
#include "trainer/build.h"
#include "trainer/replica.h"

namespace phalanx::testing {

// How the levels of recomputation are called in the names of tests.
inline std::string recompute_name(const ::testing::TestParamInfo<Recompute>& info) {
  return info.param == Recompute::none ? "None" : info.param == Recompute::selective ? "Selective" : "Full";
}

class GoldenRun {
 public:
  // file: in tests/golden; batch_of: the batch of a step.
  GoldenRun(const std::string& file, const NetworkOptions& network, const BatchShape& shape,
            std::function<Batch(int step)> batch_of)
      : batch_of_(std::move(batch_of)), self_(make_self_communicator("self")) {
    std::ifstream stream(std::string(PHALANX_SOURCE_DIR) + "/tests/golden/" + file);
    golden_ = nlohmann::json::parse(stream);
    const ReplicaOptions options{.network = network, .bucket_elements = 1000};
    replica_ = std::make_unique<Replica>(options, *self_, *self_, training_workload(shape));
    set_weights();
  }

  void expect_loss_and_gradients() {
    const double loss = forward_backward(0);
    EXPECT_NEAR(loss, golden_["losses"][0].get<double>(), 1e-6 * loss);
    for (const OwnedPiece& piece : replica_->optimizer().pieces()) {
      const ParamSpec& spec = replica_->layout().table()[static_cast<std::size_t>(piece.spec)];
      ASSERT_TRUE(golden_["gradients"].contains(spec.name)) << spec.name;
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
    EXPECT_EQ(golden_["gradients"].size(), replica_->layout().table().size());
  }

  void expect_twenty_adamw_steps() {
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

 private:
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
    const Batch batch = batch_of_(step);
    const Tensor& gradients = replica_->parameters().flat_gradients();
    std::fill_n(gradients.as<float>(), gradients.count(), 7.0F);  // of an earlier step
    replica_->parameters().clear_gradients();
    fill_zero(replica_->loss_sums(), {});
    replica_->reducer().begin_last_backward();
    const LossScale scale{
        .tokens = 1.0 / static_cast<double>(batch.predicted),
        .sentences = batch.predicted_pairs > 0 ? 1.0 / static_cast<double>(batch.predicted_pairs) : 0};
    replica_->network().forward_backward(replica_->context(ops::Write::overwrite), batch, scale, replica_->loss_sums());
    replica_->reducer().finish();
    const LossSums sums = replica_->read_loss_sums();
    return sums[kTokenLoss] * scale.tokens + sums[kSentenceLoss] * scale.sentences;
  }

  nlohmann::json golden_;
  std::function<Batch(int step)> batch_of_;
  std::unique_ptr<Communicator> self_;
  std::unique_ptr<Replica> replica_;
};

}  // namespace phalanx::testing
