// A tiny GPT against PyTorch in float64: loss, all gradients, and 20 AdamW steps (tests/golden/make_gpt_golden.py).
#include "tests/support/golden_run.h"

namespace phalanx {
namespace {

constexpr int kV = 37, kC = 16, kNH = 4, kF = 64, kL = 2, kB = 2, kT = 11;

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

class GptGolden : public ::testing::TestWithParam<Recompute> {
 protected:
  GptGolden()
      : run_("gpt_tiny_golden.json", {.L = kL, .C = kC, .NH = kNH, .F = kF, .T = kT, .V = kV, .recompute = GetParam()},
             {.B = kB, .T = kT}, golden_batch) {}
  testing::GoldenRun run_;
};

TEST_P(GptGolden, LossAndAllGradientsMatchPyTorch) { run_.expect_loss_and_gradients(); }

TEST_P(GptGolden, TwentyAdamwStepsReproduceTheLossCurve) { run_.expect_twenty_adamw_steps(); }

INSTANTIATE_TEST_SUITE_P(AllRecompute, GptGolden,
                         ::testing::Values(Recompute::none, Recompute::selective, Recompute::full),
                         testing::recompute_name);

}  // namespace
}  // namespace phalanx
