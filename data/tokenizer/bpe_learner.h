// BpeLearner: finds merges, the most frequent pair of neighbouring tokens first. After each merge only the words that
// hold the pair are touched, and only the counts of pairs beside it change. Learns for WordPiece too.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
#include <string_view>
#include <vector>

#include "data/tokenizer/pair_map.h"
#include "data/tokenizer/word_counts.h"

namespace phalanx::data {

class BpeLearner {
 public:
  // Appends the tokens that a word begins as: none if it is not to be learned from.
  using Split = std::function<void(std::string_view word, std::vector<TokenId>& tokens)>;

  BpeLearner(const WordCounts& words, const Split& split);

  // The pair that occurs most often; of several the one with the smaller left id, then the smaller right id, so the
  // order of the words does not matter. Nothing when no word has two tokens left.
  std::optional<TokenPair> best_pair();

  // Replaces the pair, which best_pair() gave, by token `result` in all words, from left to right.
  void merge(TokenPair pair, TokenId result);

  // Tokens that the corpus has after the merges so far.
  [[nodiscard]] std::int64_t corpus_tokens() const;

 private:
  struct Word {
    std::size_t begin;     // in tokens_
    std::uint32_t length;  // shrinks
    std::int64_t times;
  };
  struct Pair {
    TokenPair ids;
    std::int64_t count = 0;
    std::vector<std::uint32_t> words;  // that hold it or did
    bool touched = false;              // its count grew in the merge being done
  };
  struct Candidate {
    std::int64_t count;  // when it was pushed: never below the pair's count now, unless it was pushed again
    TokenPair ids;
    std::uint32_t pair;
    bool operator<(const Candidate& other) const {
      return count != other.count ? count < other.count : ids > other.ids;
    }
  };

  Pair& pair_of(TokenId left, TokenId right, std::uint32_t* index = nullptr);
  void gain(TokenId left, TokenId right, std::uint32_t word, std::int64_t times);
  void lose(TokenId left, TokenId right, std::int64_t times);
  void merge_in_word(TokenPair pair, TokenId result, std::uint32_t word);

  std::vector<TokenId> tokens_;
  std::vector<Word> words_;
  PairMap index_;  // into pairs_
  std::vector<Pair> pairs_;
  std::vector<std::uint32_t> touched_;
  std::priority_queue<Candidate> queue_;
};

}  // namespace phalanx::data
