// Batch: one micro-batch of one data rank, in host memory. `data` fills it, `model` reads it; neither knows the other.
#pragma once

#include <cstdint>
#include <vector>

namespace phalanx {

struct BatchShape {
  int B = 0;           // sequences
  int T = 0;           // tokens per sequence
  int P = 0;           // predictions per sequence; 0: one for each token (causal)
  bool pairs = false;  // sequences are pairs of segments, with a label: next-sentence prediction
};

struct Batch {
  static constexpr std::int32_t kIgnore = -1;  // a target that is not predicted

  int B = 0;                                 // sequences
  int T = 0;                                 // tokens per sequence
  int P = 0;                                 // predictions per sequence
  std::vector<std::int32_t> tokens;          // (B, T)
  std::vector<std::int32_t> targets;         // (B, P), kIgnore where nothing is predicted
  std::vector<std::int32_t> slots;           // (B, P): index in `tokens` of what each target is predicted at; empty:
                                             // P = T and target i stands at token i
  std::vector<std::int32_t> positions;       // (B, T), from 0 at each document's start in the window
  std::vector<std::int32_t> document_begin;  // (B, T), first t of the token's document in this window
  std::vector<std::int32_t> document_end;    // (B, T), one past its last t
  std::vector<std::int32_t> token_types;     // (B, T): 0 in segment A, 1 in segment B; empty: no pairs
  std::vector<std::int32_t> next_sentence;   // (B): 0 where B follows A, 1 where it does not, or kIgnore; empty: no
                                             // pairs
  std::vector<std::int64_t> sequences;       // (B), ordinal of each sequence in the run: position of its random numbers
  std::int64_t predicted = 0;                // targets that are not kIgnore
  std::int64_t predicted_pairs = 0;          // of next_sentence, likewise

  // Nothing is predicted yet; the arrays keep what they held, to be overwritten.
  void resize(const BatchShape& shape);
  void resize(int batch, int tokens_per_sequence) { resize(BatchShape{.B = batch, .T = tokens_per_sequence}); }
};

}  // namespace phalanx
