#include "data/tokenizer/bpe_learner.h"

#include "core/check.h"

namespace phalanx::data {

BpeLearner::BpeLearner(const WordCounts& words, const Split& split) {
  words_.reserve(words.size());
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::size_t begin = tokens_.size();
    split(words.word(i), tokens_);
    words_.push_back({begin, static_cast<std::uint32_t>(tokens_.size() - begin), words.times(i)});
  }
  for (std::uint32_t w = 0; w < words_.size(); ++w) {
    const TokenId* const token = tokens_.data() + words_[w].begin;
    for (std::uint32_t i = 0; i + 1 < words_[w].length; ++i) gain(token[i], token[i + 1], w, words_[w].times);
  }
  for (std::uint32_t p = 0; p < pairs_.size(); ++p) queue_.push({pairs_[p].count, pairs_[p].ids, p});
  for (const std::uint32_t p : touched_) pairs_[p].touched = false;
  touched_.clear();
}

BpeLearner::Pair& BpeLearner::pair_of(TokenId left, TokenId right, std::uint32_t* index) {
  const auto fresh = static_cast<std::uint32_t>(pairs_.size());
  const std::uint32_t p = index_.find_or_insert(left, right, fresh);
  if (p == fresh) pairs_.emplace_back().ids = {left, right};
  if (index != nullptr) *index = p;
  return pairs_[p];
}

void BpeLearner::gain(TokenId left, TokenId right, std::uint32_t word, std::int64_t times) {
  std::uint32_t index = 0;
  Pair& pair = pair_of(left, right, &index);
  pair.count += times;
  if (pair.words.empty() || pair.words.back() != word) pair.words.push_back(word);
  if (!pair.touched) touched_.push_back(index);
  pair.touched = true;
}

void BpeLearner::lose(TokenId left, TokenId right, std::int64_t times) { pair_of(left, right).count -= times; }

// A candidate's count may be out of date, but each pair has one in the queue that is not below its count. So the first
// candidate that is up to date is the best.
std::optional<TokenPair> BpeLearner::best_pair() {
  while (!queue_.empty()) {
    const Candidate top = queue_.top();
    queue_.pop();
    const std::int64_t count = pairs_[top.pair].count;
    if (count <= 0 || top.count < count) continue;
    if (top.count == count) return top.ids;
    queue_.push({count, top.ids, top.pair});
  }
  return std::nullopt;
}

void BpeLearner::merge(TokenPair ids, TokenId result) {
  std::vector<std::uint32_t> words;
  words.swap(pair_of(ids.first, ids.second).words);
  for (const std::uint32_t word : words) merge_in_word(ids, result, word);
  pair_of(ids.first, ids.second).count = 0;
  for (const std::uint32_t p : touched_) {
    pairs_[p].touched = false;
    if (pairs_[p].count > 0) queue_.push({pairs_[p].count, pairs_[p].ids, p});
  }
  touched_.clear();
}

std::int64_t BpeLearner::corpus_tokens() const {
  std::int64_t tokens = 0;
  for (const Word& word : words_) tokens += word.times * word.length;
  return tokens;
}

void BpeLearner::merge_in_word(TokenPair ids, TokenId result, std::uint32_t w) {
  Word& word = words_[w];
  TokenId* const token = tokens_.data() + word.begin;
  std::uint32_t kept = 0;
  for (std::uint32_t i = 0; i < word.length;) {
    if (i + 1 == word.length || token[i] != ids.first || token[i + 1] != ids.second) {
      token[kept++] = token[i++];
      continue;
    }
    if (kept > 0) {
      lose(token[kept - 1], ids.first, word.times);
      gain(token[kept - 1], result, w, word.times);
    }
    if (i + 2 < word.length) {
      lose(ids.second, token[i + 2], word.times);
      gain(result, token[i + 2], w, word.times);
    }
    token[kept++] = result;
    i += 2;
  }
  word.length = kept;
}

}  // namespace phalanx::data
