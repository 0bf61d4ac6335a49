// What an encoder predicts is what its losses are of.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "model/encoder.h"
#include "parallel/comm_self.h"
#include "tests/support/golden_masked_batch.h"
#include "trainer/build.h"
#include "trainer/replica.h"

namespace phalanx {
namespace {

using namespace testing::golden_masked;  // NOLINT(google-build-using-namespace)

class EncoderPredict : public ::testing::TestWithParam<const char*> {};

struct Sums {
  double loss = 0, correct = 0;
};

// Of logits (N, V), of which the first `valid` columns are true.
Sums sums_of(const Tensor& logits, std::int64_t valid, const std::vector<std::int32_t>& targets) {
  Sums sums;
  for (std::size_t n = 0; n < targets.size(); ++n) {
    if (targets[n] < 0) continue;
    const float* row = logits.as<float>() + static_cast<std::int64_t>(n) * logits.size(1);
    double sum = 0;
    for (std::int64_t v = 0; v < valid; ++v) sum += std::exp(double{row[v]});
    sums.loss += std::log(sum) - row[targets[n]];
    sums.correct += *std::max_element(row, row + valid) == row[targets[n]] ? 1 : 0;
  }
  return sums;
}

TEST_P(EncoderPredict, GivesTheLogitsOfTheLosses) {
  const bool pairs = std::string(GetParam()) == "bert";
  const NetworkOptions network{.family = GetParam(),
                               .L = 3,
                               .C = 32,
                               .NH = 4,
                               .F = 48,
                               .T = kT,
                               .V = kV,
                               .init_std = 0.3F,
                               .token_types = pairs ? 2 : 0,
                               .next_sentence = pairs};
  const auto self = make_self_communicator("self");
  Batch batch = batch_of(0, pairs);
  Replica replica({.network = network, .training = false, .bucket_elements = 1000, .seed = 5}, *self, *self,
                  [&](const Context& ctx, const Network& planned) {
                    evaluation_workload(shape(pairs))(ctx, planned);
                    const Scratch scratch(*ctx.activations);
                    static_cast<void>(dynamic_cast<const Encoder&>(planned).predict(ctx, batch));
                  });
  replica.fill_initial_values();
  const Context ctx = replica.context();
  Sums tokens, sentences;
  {
    const Scratch scratch(*ctx.activations);
    const EncoderHeads::Logits logits = dynamic_cast<const Encoder&>(replica.network()).predict(ctx, batch);
    ASSERT_EQ(logits.sentences.defined(), pairs);
    tokens = sums_of(logits.tokens[0], kV, batch.targets);
    if (pairs) sentences = sums_of(logits.sentences, 2, batch.next_sentence);
  }
  fill_zero(replica.loss_sums(), {});
  replica.network().forward_loss(ctx, batch, replica.loss_sums());
  const LossSums sums = replica.read_loss_sums();
  EXPECT_NEAR(sums[kTokenLoss], tokens.loss, 1e-5 * tokens.loss);  // rounding of fp32
  EXPECT_EQ(sums[kCorrectTokens], tokens.correct);
  EXPECT_NEAR(sums[kSentenceLoss], sentences.loss, 1e-5 * sentences.loss);
  EXPECT_EQ(sums[kCorrectSentences], sentences.correct);
}

INSTANTIATE_TEST_SUITE_P(AllFamilies, EncoderPredict, ::testing::Values("bert", "modern_encoder"));

}  // namespace
}  // namespace phalanx
