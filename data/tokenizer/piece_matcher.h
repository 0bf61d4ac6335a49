// PieceMatcher: cuts a word into the pieces of a vocabulary, the longest that fits first.
#pragma once

#include <string_view>
#include <vector>

#include "data/tokenizer/pair_map.h"
#include "data/tokenizer/wordpiece_model.h"

namespace phalanx::data {

class PieceMatcher {
 public:
  explicit PieceMatcher(const WordPieceModel& model);

  // Appends the ids of a word in UTF-8; that of [UNK] alone when some place of it begins no piece, or if it is empty
  // (which is how a word that is too long comes). Time: bytes of the word times those of the longest token.
  void match(std::string_view word, std::vector<TokenId>& ids) const;

 private:
  static constexpr TokenId kNone = -1;
  // Roots of the two tries: of tokens that begin a word, and of those that go on.
  static constexpr TokenId kBegin = 0;
  static constexpr TokenId kInside = 1;

  void insert(TokenId root, std::string_view piece, TokenId id);

  PairMap edges_;               // (node, byte) -> node
  std::vector<TokenId> token_;  // by node: the token that ends there
  TokenId unknown_;
};

}  // namespace phalanx::data
