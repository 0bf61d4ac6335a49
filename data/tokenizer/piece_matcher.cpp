#include "data/tokenizer/piece_matcher.h"

#include "data/tokenizer/bert_words.h"

namespace phalanx::data {
namespace {

constexpr std::size_t kLongestPiece = 4 * BertWords::kLongest;  // bytes: no word has more

}  // namespace

PieceMatcher::PieceMatcher(const WordPieceModel& model) : token_(2, kNone), unknown_(model.unknown) {
  for (std::size_t i = 0; i < model.tokens.size(); ++i) {
    std::string_view piece = model.tokens[i];
    if (is_bert_special(piece)) continue;
    const bool goes_on = piece.starts_with(kContinuation);
    if (goes_on) piece.remove_prefix(kContinuation.size());
    if (piece.size() > kLongestPiece) continue;
    insert(goes_on ? kInside : kBegin, piece, static_cast<TokenId>(i));
  }
  token_[kBegin] = token_[kInside] = kNone;  // a piece has at least one byte
}

void PieceMatcher::insert(TokenId node, std::string_view piece, TokenId id) {
  for (const char byte : piece) {
    const auto fresh = static_cast<std::uint32_t>(token_.size());
    const std::uint32_t next = edges_.find_or_insert(node, static_cast<unsigned char>(byte), fresh);
    if (next == fresh) token_.push_back(kNone);
    node = static_cast<TokenId>(next);
  }
  token_[static_cast<std::size_t>(node)] = id;
}

void PieceMatcher::match(std::string_view word, std::vector<TokenId>& ids) const {
  const std::size_t before = ids.size();
  TokenId root = kBegin;
  do {
    TokenId longest = kNone;
    std::size_t length = 0;
    std::uint32_t node = static_cast<std::uint32_t>(root);
    for (std::size_t i = 0; i < word.size(); ++i) {
      node = edges_.find(static_cast<TokenId>(node), static_cast<unsigned char>(word[i]));
      if (node == PairMap::kNone) break;
      if (token_[node] == kNone) continue;
      longest = token_[node];
      length = i + 1;
    }
    if (longest == kNone) {
      ids.resize(before);
      ids.push_back(unknown_);
      return;
    }
    ids.push_back(longest);
    word.remove_prefix(length);
    root = kInside;
  } while (!word.empty());
}

}  // namespace phalanx::data
