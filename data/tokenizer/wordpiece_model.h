// WordPieceModel: what the files of a WordPiece tokenizer say, checked. The encoder and the writer of files read it,
// the readers of files and the trainer make it.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "data/tokenizer/bert_rules.h"
#include "data/tokenizer/claimed_vocabulary.h"
#include "data/tokenizer/tokenizer.h"

namespace phalanx::data {

// A token that begins so goes on within a word.
inline constexpr std::string_view kContinuation = "##";

// Every WordPiece vocabulary has these. A trained one has them as ids 0 to 4, in this order.
inline constexpr std::string_view kUnknownToken = "[UNK]";
inline constexpr std::array<std::string_view, 5> kBertSpecials = {"[PAD]", kUnknownToken, "[CLS]", "[SEP]", "[MASK]"};

bool is_bert_special(std::string_view token);

struct WordPieceModel {
  std::vector<std::string> tokens;           // by id
  std::vector<Tokenizer::Special> specials;  // kBertSpecials, by id; only [UNK] comes out of text
  TokenId unknown = -1;                      // stands for a word that has no pieces
  BertTextOptions text;
};

// Checks: ids are 0 ... N-1, each once; tokens differ, are UTF-8 and of one line; the special tokens are there. Throws
// Error naming place, token and id.
WordPieceModel check_wordpiece(const ClaimedVocabulary& claims, const BertTextOptions& text);

}  // namespace phalanx::data
