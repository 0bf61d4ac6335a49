// WordPieceTokenizer: text -> words as BERT reads them -> pieces, the longest first. Decoding gives the words with one
// space between: case, accents and white space are gone.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data/tokenizer/piece_matcher.h"
#include "data/tokenizer/tokenizer.h"
#include "data/tokenizer/word_cache.h"
#include "data/tokenizer/wordpiece_model.h"

namespace phalanx::data {

class WordPieceTokenizer final : public Tokenizer {
 public:
  explicit WordPieceTokenizer(WordPieceModel model);

  [[nodiscard]] std::string kind() const override { return "wordpiece"; }
  [[nodiscard]] std::int64_t vocabulary() const override { return static_cast<std::int64_t>(model_.tokens.size()); }
  // Of special tokens only [UNK] comes out: [CLS] and [SEP] are added where sequences are made.
  void encode(std::string_view text, std::vector<TokenId>& ids) const override;
  [[nodiscard]] bool keeps_sentences() const override { return true; }
  [[nodiscard]] bool may_cut(std::string_view text, std::size_t at) const override;
  // An id outside the vocabulary throws Error.
  [[nodiscard]] std::string decode(const std::vector<TokenId>& ids) const override;
  [[nodiscard]] std::string token_text(TokenId id) const override { return token(id); }
  [[nodiscard]] TokenId end_of_text() const override { return -1; }
  [[nodiscard]] const std::vector<Special>& special_tokens() const override { return model_.specials; }
  // vocab.txt and tokenizer_config.json.
  void save(const std::string& folder) const override;
  [[nodiscard]] std::string digest() const override;

  [[nodiscard]] const WordPieceModel& model() const { return model_; }

 private:
  [[nodiscard]] const std::string& token(TokenId id) const;

  WordPieceModel model_;
  PieceMatcher matcher_;
  mutable WordCachePool caches_;  // of segments
};

}  // namespace phalanx::data
