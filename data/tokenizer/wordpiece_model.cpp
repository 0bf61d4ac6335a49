#include "data/tokenizer/wordpiece_model.h"

#include <algorithm>

#include "core/check.h"
#include "data/utf8.h"

namespace phalanx::data {

bool is_bert_special(std::string_view token) { return std::ranges::find(kBertSpecials, token) != kBertSpecials.end(); }

WordPieceModel check_wordpiece(const ClaimedVocabulary& claims, const BertTextOptions& text) {
  WordPieceModel model{.tokens = texts_by_id(claims), .specials = {}, .text = text};
  const auto ids = ids_by_text(model.tokens, claims.place);
  for (std::size_t id = 0; id < model.tokens.size(); ++id) {
    const std::string& token = model.tokens[id];
    if (!is_utf8(token)) throw Error(str(claims.place, ": the token of id ", id, " is not valid UTF-8"));
    if (token.find_first_of("\r\n") != std::string::npos) {
      throw Error(str(claims.place, ": the token of id ", id, " holds a line break, which vocab.txt cannot have"));
    }
  }
  for (const std::string_view special : kBertSpecials) {
    const auto found = ids.find(std::string(special));
    if (found == ids.end()) {
      throw Error(str(claims.place, ": has no token ", special, "; WordPiece as BERT does it needs ",
                      "[PAD], [UNK], [CLS], [SEP] and [MASK]"));
    }
    model.specials.push_back({found->first, found->second});
    if (special == kUnknownToken) model.unknown = found->second;
  }
  std::ranges::sort(model.specials, {}, &Tokenizer::Special::id);
  return model;
}

}  // namespace phalanx::data
