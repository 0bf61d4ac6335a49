// Pairs of segments for next-sentence prediction. A pure function of (seed, ordinal of the sequence, window).
#pragma once

#include <cstdint>
#include <vector>

#include "core/random.h"
#include "data/shard_reader.h"

namespace phalanx::data {

// Both empty where the window's longest document part has fewer than two tokens; otherwise neither is.
struct SentencePair {
  std::vector<std::int32_t> a, b;
  bool b_follows_a = true;
};

// A and B are the longest part of the window that lies in one document, cut where a sentence begins inside it, or,
// where none does, between any two tokens. Half of the pairs take B from elsewhere: as many tokens, from the start of a
// sentence in another window and another document of the same source; all windows that hold such a document are equally
// likely. A tenth of the pairs are shortened to a length from 2 on; a token is taken at either end of the longer
// segment until it is reached.
//
// Numbers of Purpose::next_sentence: block 0: place of the cut, whether B follows, whether it is short, its length;
// block 1: window of the other B (lanes 0 and 1), its start (2); element kTrimElement + i: end that loses the i-th
// token.
class SentencePairs {
 public:
  static constexpr double kShortShare = 0.1;
  static constexpr std::uint64_t kTrimElement = 64;

  explicit SentencePairs(std::uint64_t seed) : seed_(seed) {}

  void make(const WindowSource& source, std::int64_t window, std::uint64_t ordinal, SentencePair& pair);

 private:
  // A run of tokens of one shard's stream.
  struct Run {
    const Shard* shard = nullptr;
    std::int64_t begin = 0, end = 0;
    [[nodiscard]] std::int64_t tokens() const { return end - begin; }
  };
  Run longest_part(const Shard& shard, std::int64_t begin, std::int64_t end, const OffsetTable::Bounds* without);
  void find_sentences(const Run& part);
  bool find_other(const WindowSource& source, std::int64_t window, const Random4& random, const Run& a, Run& b);

  std::uint64_t seed_;
  std::vector<std::int64_t> documents_;  // begins inside a window
  std::vector<std::int64_t> sentences_;  // begins inside a part, its own begin too if it is one
};

}  // namespace phalanx::data
