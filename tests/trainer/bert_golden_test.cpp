// A tiny BERT with masked tokens and next sentence against PyTorch in float64 (tests/golden/make_bert_golden.py).
#include "tests/support/golden_run.h"

namespace phalanx {
namespace {

constexpr int kV = 37, kC = 16, kNH = 4, kF = 64, kL = 2, kB = 3, kT = 11, kP = 4;
constexpr BatchShape kShape{.B = kB, .T = kT, .P = kP, .pairs = true};

// The batch of make_bert_golden.py at `step`.
Batch golden_batch(int step) {
  constexpr int kSecondDocument[] = {kT, 8, 6}, kSecondSegment[] = {5, 4, kT}, kLabels[] = {0, 1, Batch::kIgnore};
  Batch batch = empty_batch(kShape);
  for (int b = 0; b < kB; ++b) {
    batch.sequences[static_cast<std::size_t>(b)] = b;
    batch.next_sentence[static_cast<std::size_t>(b)] = kLabels[b];
    for (int t = 0; t < kT; ++t) {
      const auto i = static_cast<std::size_t>(b * kT + t);
      const bool second = t >= kSecondDocument[b];
      batch.tokens[i] = (7 * b + 5 * t + t * t + 3 * step) % kV;
      batch.document_begin[i] = second ? kSecondDocument[b] : 0;
      batch.document_end[i] = second ? kT : kSecondDocument[b];
      batch.positions[i] = t - batch.document_begin[i];
      batch.token_types[i] = t >= kSecondSegment[b] ? 1 : 0;
    }
    for (int p = 0; p < kP; ++p) {
      const auto i = static_cast<std::size_t>(b * kP + p);
      const bool nothing = b == 1 && p >= 2;
      batch.targets[i] = nothing ? Batch::kIgnore : (3 * b + 11 * p + 2 * step + 1) % kV;
      batch.slots[i] = b * kT + (nothing ? 0 : (2 * p + b + step) % 8);
    }
  }
  batch.predicted = kB * kP - 2;
  batch.predicted_pairs = 2;
  return batch;
}

class BertGolden : public ::testing::TestWithParam<Recompute> {
 protected:
  BertGolden()
      : run_("bert_tiny_golden.json",
             {.family = "bert",
              .L = kL,
              .C = kC,
              .NH = kNH,
              .F = kF,
              .T = kT,
              .V = kV,
              .activation = ops::Gelu::erf,
              .recompute = GetParam(),
              .norm_epsilon = 1e-12,
              .token_types = 2,
              .next_sentence = true},
             kShape, golden_batch) {}
  testing::GoldenRun run_;
};

TEST_P(BertGolden, LossAndAllGradientsMatchPyTorch) { run_.expect_loss_and_gradients(); }

TEST_P(BertGolden, TwentyAdamwStepsReproduceTheLossCurve) { run_.expect_twenty_adamw_steps(); }

INSTANTIATE_TEST_SUITE_P(AllRecompute, BertGolden,
                         ::testing::Values(Recompute::none, Recompute::selective, Recompute::full));

}  // namespace
}  // namespace phalanx
