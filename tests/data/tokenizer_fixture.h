// What the tests of all tokenizers need: a sample text, corpora in pieces, ids and messages.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "core/check.h"
#include "data/tokenizer/tokenizer.h"
#include "data/tokenizer/word_counts.h"

namespace phalanx::data::testing_tokenizer {

// A corpus given piece by piece.
inline NextPiece pieces(std::vector<std::string> texts) {
  return [texts = std::move(texts), i = std::size_t{0}](std::string& piece) mutable {
    if (i == texts.size()) return false;
    piece = texts[i++];
    return true;
  };
}

inline const std::string kSampleText =
    "the cat sat on the mat; the other cat sat on that mat. It's the cat's mat, isn't it? they'll see the theatre\n"
    "then there were three: 1, 22, 333 and 4444 cats. hello hello hello   world\n\nnaïve café — naïve café 你好 你好\n";

inline std::vector<TokenId> encode(const Tokenizer& tokenizer, std::string_view text) {
  std::vector<TokenId> ids;
  tokenizer.encode(text, ids);
  return ids;
}

// The message of the Error that `f` throws; a test fails when it throws none.
template <class F>
std::string error_of(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  ADD_FAILURE() << "no Error was thrown";
  return "";
}

}  // namespace phalanx::data::testing_tokenizer
