#include "data/tokenizer/wordpiece.h"

#include "core/check.h"
#include "data/tokenizer/bert_words.h"
#include "data/tokenizer/content_digest.h"
#include "data/tokenizer/wordpiece_files.h"

namespace phalanx::data {

WordPieceTokenizer::WordPieceTokenizer(WordPieceModel model) : model_(std::move(model)), matcher_(model_) {}

void WordPieceTokenizer::encode(std::string_view text, std::vector<TokenId>& ids) const {
  const WordCachePool::Lease cache(caches_);
  BertWords words(model_.text);
  BertSegments segments(text);
  std::string_view segment;
  const auto match = [&](std::string_view part, std::vector<TokenId>& to) {
    words.split(part, [&](std::string_view word) { matcher_.match(word, to); });
  };
  while (segments.next(segment)) cache->append(segment, ids, match);
}

bool WordPieceTokenizer::may_cut(std::string_view text, std::size_t at) const {
  return bert_word_ends(text, at, model_.text);
}

const std::string& WordPieceTokenizer::token(TokenId id) const {
  ENSURE(id >= 0 && id < vocabulary(), "token id ", id, " is outside the vocabulary of ", vocabulary());
  return model_.tokens[static_cast<std::size_t>(id)];
}

std::string WordPieceTokenizer::decode(const std::vector<TokenId>& ids) const {
  std::string text;
  for (const TokenId id : ids) {
    std::string_view piece = token(id);
    if (!text.empty()) {
      if (piece.starts_with(kContinuation))
        piece.remove_prefix(kContinuation.size());
      else
        text += ' ';
    }
    text += piece;
  }
  return text;
}

void WordPieceTokenizer::save(const std::string& folder) const { write_wordpiece_files(model_, folder); }

std::string WordPieceTokenizer::digest() const {
  ContentDigest digest;
  digest.add("WordPiece");
  digest.add(vocabulary());
  for (const std::string& text : model_.tokens) digest.add(text);
  const auto& [lower_case, strip_accents, space_ideographs] = model_.text;
  for (const bool option : {lower_case, strip_accents, space_ideographs}) digest.add(std::int64_t{option});
  return digest.hex();
}

}  // namespace phalanx::data
