// A tiny BERT with masked tokens and next sentence against PyTorch in float64 (tests/golden/make_bert_golden.py).
#include "tests/support/golden_masked_batch.h"
#include "tests/support/golden_run.h"

namespace phalanx {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace)

class BertGolden : public ::testing::TestWithParam<Recompute> {
 protected:
  BertGolden()
      : run_("bert_tiny_golden.json",
             {.family = "bert",
              .L = 2,
              .C = 16,
              .NH = 4,
              .F = 64,
              .T = golden_masked::kT,
              .V = golden_masked::kV,
              .activation = ops::Gelu::erf,
              .recompute = GetParam(),
              .norm_epsilon = 1e-12,
              .token_types = 2,
              .next_sentence = true},
             golden_masked::shape(true), golden_masked::with_pairs) {}
  GoldenRun run_;
};

TEST_P(BertGolden, LossAndAllGradientsMatchPyTorch) { run_.expect_loss_and_gradients(); }

TEST_P(BertGolden, TwentyAdamwStepsReproduceTheLossCurve) { run_.expect_twenty_adamw_steps(); }

INSTANTIATE_TEST_SUITE_P(AllRecompute, BertGolden,
                         ::testing::Values(Recompute::none, Recompute::selective, Recompute::full), recompute_name);

}  // namespace
}  // namespace phalanx
