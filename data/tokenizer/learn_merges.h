// Growing a vocabulary by merges: the loop that byte-level BPE and WordPiece share.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "data/tokenizer/bpe_learner.h"
#include "data/tokenizer/bpe_model.h"
#include "data/tokenizer/word_counts.h"

namespace phalanx::data {

// Tokens made so far, by id. Different merges can make the same text; they share one id.
class TokenList {
 public:
  TokenId add(const std::string& text) {
    const auto [entry, is_new] = ids_.emplace(text, static_cast<TokenId>(texts_.size()));
    if (is_new) texts_.push_back(text);
    return entry->second;
  }
  // The id of a text; -1 if it is not here.
  [[nodiscard]] TokenId find(const std::string& text) const {
    const auto found = ids_.find(text);
    return found == ids_.end() ? -1 : found->second;
  }
  [[nodiscard]] const std::string& text(TokenId id) const { return texts_[static_cast<std::size_t>(id)]; }
  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(texts_.size()); }
  std::vector<std::string> take() { return std::move(texts_); }

 private:
  std::vector<std::string> texts_;
  std::unordered_map<std::string, TokenId> ids_;
};

// The text that a merge of two tokens makes.
using JoinTexts = std::function<std::string(const std::string& left, const std::string& right)>;

// Merges the most frequent pairs until tokens and `reserved` others make a vocabulary of `size` entries. Throws
// UsageError, naming the size that would do, if the corpus gives fewer merges.
std::vector<BpeModel::Merge> learn_merges(BpeLearner& learner, TokenList& tokens, std::int64_t size,
                                          std::int64_t reserved, const CorpusCounts& corpus, const JoinTexts& join);

}  // namespace phalanx::data
