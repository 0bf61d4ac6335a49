// The masked batches of tests/golden/make_bert_golden.py and make_modern_encoder_golden.py.
#pragma once

#include "core/batch.h"
#include "trainer/build.h"

namespace phalanx::testing::golden_masked {

inline constexpr int kV = 37, kB = 3, kT = 11, kP = 4;

inline BatchShape shape(bool pairs) { return {.B = kB, .T = kT, .P = kP, .pairs = pairs}; }

// The batch at `step`.
inline Batch batch_of(int step, bool pairs) {
  constexpr int kSecondDocument[] = {kT, 8, 6}, kSecondSegment[] = {5, 4, kT}, kLabels[] = {0, 1, Batch::kIgnore};
  Batch batch = empty_batch(shape(pairs));
  for (int b = 0; b < kB; ++b) {
    batch.sequences[static_cast<std::size_t>(b)] = b;
    if (pairs) batch.next_sentence[static_cast<std::size_t>(b)] = kLabels[b];
    for (int t = 0; t < kT; ++t) {
      const auto i = static_cast<std::size_t>(b * kT + t);
      const bool second = t >= kSecondDocument[b];
      batch.tokens[i] = (7 * b + 5 * t + t * t + 3 * step) % kV;
      batch.document_begin[i] = second ? kSecondDocument[b] : 0;
      batch.document_end[i] = second ? kT : kSecondDocument[b];
      batch.positions[i] = t - batch.document_begin[i];
      if (pairs) batch.token_types[i] = t >= kSecondSegment[b] ? 1 : 0;
    }
    for (int p = 0; p < kP; ++p) {
      const auto i = static_cast<std::size_t>(b * kP + p);
      const bool nothing = b == 1 && p >= 2;
      batch.targets[i] = nothing ? Batch::kIgnore : (3 * b + 11 * p + 2 * step + 1) % kV;
      batch.slots[i] = b * kT + (nothing ? 0 : (2 * p + b + step) % 8);
    }
  }
  batch.predicted = kB * kP - 2;
  batch.predicted_pairs = pairs ? 2 : 0;
  return batch;
}

inline Batch with_pairs(int step) { return batch_of(step, true); }
inline Batch without_pairs(int step) { return batch_of(step, false); }

}  // namespace phalanx::testing::golden_masked
