#include "data/tokenizer/bpe.h"

#include "core/check.h"
#include "data/tokenizer/bpe_files.h"
#include "data/tokenizer/content_digest.h"
#include "data/tokenizer/pretokenize.h"

namespace phalanx::data {

BpeTokenizer::BpeTokenizer(BpeModel model) : model_(std::move(model)), merger_(model_) {}

void BpeTokenizer::encode(std::string_view text, std::vector<TokenId>& ids) const {
  const WordCachePool::Lease cache(caches_);
  WordScanner scanner(text);
  std::string_view word;
  const auto merge = [&](std::string_view bytes, std::vector<TokenId>& to) { merger_.merge(bytes, to); };
  while (scanner.next(word)) cache->append(word, ids, merge);
}

const std::string& BpeTokenizer::token(TokenId id) const {
  ENSURE(id >= 0 && id < vocabulary(), "token id ", id, " is outside the vocabulary of ", vocabulary());
  return model_.tokens[static_cast<std::size_t>(id)];
}

std::string BpeTokenizer::decode(const std::vector<TokenId>& ids) const {
  std::string text;
  for (const TokenId id : ids) text += token(id);
  return text;
}

std::string BpeTokenizer::token_text(TokenId id) const { return token(id); }

void BpeTokenizer::save(const std::string& folder) const { write_bpe_files(model_, folder); }

std::string BpeTokenizer::digest() const {
  ContentDigest digest;
  digest.add("byte-level BPE");
  digest.add(vocabulary());
  for (const std::string& bytes : model_.tokens) digest.add(bytes);
  digest.add(static_cast<std::int64_t>(model_.merges.size()));
  for (const auto& [left, right, result] : model_.merges) {
    digest.add(left);
    digest.add(right);
    digest.add(result);
  }
  digest.add(static_cast<std::int64_t>(model_.specials.size()));
  for (const Special& special : model_.specials) digest.add(special.id);
  digest.add(model_.end_of_text);
  return digest.hex();
}

}  // namespace phalanx::data
