// Batch: one micro-batch of one data rank, in host memory. `data` fills it, `model` reads it; neither knows the other.
#pragma once

#include <cstdint>
#include <vector>

namespace phalanx {

struct Batch {
  static constexpr std::int32_t kIgnore = -1;  // a target that is not predicted

  int B = 0;                                 // sequences
  int T = 0;                                 // tokens per sequence
  std::vector<std::int32_t> tokens;          // (B, T)
  std::vector<std::int32_t> targets;         // (B, T), kIgnore where nothing is predicted
  std::vector<std::int32_t> positions;       // (B, T), from 0 at each document's start in the window
  std::vector<std::int32_t> document_begin;  // (B, T), first t of the token's document in this window
  std::vector<std::int32_t> document_end;    // (B, T), one past its last t
  std::vector<std::int64_t> sequences;       // (B), ordinal of each sequence in the run: position of its random numbers
  std::int64_t predicted = 0;                // targets that are not kIgnore

  // Nothing is predicted yet; the arrays keep what they held, to be overwritten.
  void resize(int batch, int tokens_per_sequence);
};

}  // namespace phalanx
