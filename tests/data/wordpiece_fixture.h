// Small tokenizers for the tests of WordPiece.
#pragma once

#include <string>
#include <vector>

#include "data/tokenizer/wordpiece.h"
#include "data/tokenizer/wordpiece_train.h"
#include "tests/data/tokenizer_fixture.h"

namespace phalanx::data::testing_wordpiece {

using namespace testing_tokenizer;

// BERT's special tokens have the ids 0 to 4.
inline const std::vector<std::string> kSpecials = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
inline constexpr TokenId kUnk = 1;

// The special tokens and these, which have the ids from 5 on.
inline WordPieceModel model_of(const std::vector<std::string>& tokens, const BertTextOptions& text = {}) {
  ClaimedVocabulary claims{.place = "test", .entries = {}};
  for (const auto& list : {kSpecials, tokens}) {
    for (const std::string& token : list) {
      claims.entries.push_back({token, static_cast<std::int64_t>(claims.entries.size())});
    }
  }
  return check_wordpiece(claims, text);
}

inline WordPieceTraining train_sample(std::int64_t vocabulary, int threads = 1) {
  return train_wordpiece({.vocabulary = vocabulary, .threads = threads}, pieces({kSampleText}));
}

}  // namespace phalanx::data::testing_wordpiece
