#include "data/tokenizer/bpe.h"

#include <span>

#include "core/check.h"
#include "core/sha256.h"
#include "data/tokenizer/bpe_files.h"
#include "data/tokenizer/pretokenize.h"
#include "data/tokenizer/word_cache.h"

namespace phalanx::data {
namespace {

// Feeds numbers to a digest as eight bytes, lowest first, on every machine.
void update_number(Sha256& sha, std::int64_t number) {
  std::array<unsigned char, 8> bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<unsigned char>(static_cast<std::uint64_t>(number) >> 8 * i);
  }
  sha.update(bytes.data(), bytes.size());
}

void update_text(Sha256& sha, std::string_view text) {
  update_number(sha, static_cast<std::int64_t>(text.size()));
  sha.update(text);
}

}  // namespace

BpeTokenizer::BpeTokenizer(BpeModel model) : model_(std::move(model)), merger_(model_) {}
BpeTokenizer::~BpeTokenizer() = default;

std::unique_ptr<WordCache> BpeTokenizer::take_cache() const {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_caches_.empty()) {
      std::unique_ptr<WordCache> cache = std::move(idle_caches_.back());
      idle_caches_.pop_back();
      return cache;
    }
  }
  return std::make_unique<WordCache>();
}

void BpeTokenizer::give_cache(std::unique_ptr<WordCache> cache) const {
  const std::lock_guard lock(mutex_);
  idle_caches_.push_back(std::move(cache));
}

void BpeTokenizer::encode(std::string_view text, std::vector<TokenId>& ids) const {
  std::unique_ptr<WordCache> cache = take_cache();
  WordScanner scanner(text);
  std::string_view word;
  while (scanner.next(word)) {
    const std::span<const TokenId> known = cache->find(word);
    if (!known.empty()) {
      ids.insert(ids.end(), known.begin(), known.end());
      continue;
    }
    const std::size_t begin = ids.size();
    merger_.merge(word, ids);
    cache->put(word, std::span(ids).subspan(begin));
  }
  give_cache(std::move(cache));
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
  Sha256 sha;
  update_text(sha, "byte-level BPE");
  update_number(sha, vocabulary());
  for (const std::string& bytes : model_.tokens) update_text(sha, bytes);
  update_number(sha, static_cast<std::int64_t>(model_.merges.size()));
  for (const auto& [left, right, result] : model_.merges) {
    update_number(sha, left);
    update_number(sha, right);
    update_number(sha, result);
  }
  update_number(sha, static_cast<std::int64_t>(model_.specials.size()));
  for (const Special& special : model_.specials) update_number(sha, special.id);
  update_number(sha, model_.end_of_text);
  return sha.hex_digest();
}

}  // namespace phalanx::data
