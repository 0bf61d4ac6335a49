// BpeTokenizer: byte-level BPE as GPT-2 does it. Any bytes can be encoded, and decoding gives back exactly those bytes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data/tokenizer/bpe_merger.h"
#include "data/tokenizer/bpe_model.h"
#include "data/tokenizer/tokenizer.h"
#include "data/tokenizer/word_cache.h"

namespace phalanx::data {

class BpeTokenizer final : public Tokenizer {
 public:
  explicit BpeTokenizer(BpeModel model);

  [[nodiscard]] std::string kind() const override { return "bpe"; }
  [[nodiscard]] std::int64_t vocabulary() const override { return static_cast<std::int64_t>(model_.tokens.size()); }
  void encode(std::string_view text, std::vector<TokenId>& ids) const override;
  // Special tokens give their text. An id outside the vocabulary throws Error.
  [[nodiscard]] std::string decode(const std::vector<TokenId>& ids) const override;
  [[nodiscard]] std::string token_text(TokenId id) const override;
  [[nodiscard]] TokenId end_of_text() const override { return model_.end_of_text; }
  [[nodiscard]] const std::vector<Special>& special_tokens() const override { return model_.specials; }
  // vocab.json, merges.txt and tokenizer_config.json.
  void save(const std::string& folder) const override;
  [[nodiscard]] std::string digest() const override;

  [[nodiscard]] const BpeModel& model() const { return model_; }

 private:
  [[nodiscard]] const std::string& token(TokenId id) const;

  BpeModel model_;
  BpeMerger merger_;
  mutable WordCachePool caches_;
};

}  // namespace phalanx::data
