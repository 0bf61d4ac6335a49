// A tiny modern encoder against PyTorch in float64 (tests/golden/make_modern_encoder_golden.py).
#include "tests/support/golden_masked_batch.h"
#include "tests/support/golden_run.h"

namespace phalanx {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace)

class ModernEncoderGolden : public ::testing::TestWithParam<Recompute> {
 protected:
  ModernEncoderGolden()
      : run_("modern_encoder_tiny_golden.json",
             {.family = "modern_encoder",
              .L = 4,
              .C = 16,
              .NH = 4,
              .F = 24,
              .T = golden_masked::kT,
              .V = golden_masked::kV,
              .activation = ops::Gelu::erf,
              .recompute = GetParam(),
              .local_attention = 4},
             golden_masked::shape(false), golden_masked::without_pairs) {}
  GoldenRun run_;
};

TEST_P(ModernEncoderGolden, LossAndAllGradientsMatchPyTorch) { run_.expect_loss_and_gradients(); }

TEST_P(ModernEncoderGolden, TwentyAdamwStepsReproduceTheLossCurve) { run_.expect_twenty_adamw_steps(); }

INSTANTIATE_TEST_SUITE_P(AllRecompute, ModernEncoderGolden,
                         ::testing::Values(Recompute::none, Recompute::selective, Recompute::full), recompute_name);

}  // namespace
}  // namespace phalanx
