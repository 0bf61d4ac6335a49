// Where the sentences of a text end, by the rules of Unicode (UAX 29) as ICU knows them.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "data/tokenizer/tokenizer.h"

namespace phalanx::data {

// One thread at a time.
class SentenceCutter {
 public:
  SentenceCutter();
  ~SentenceCutter();
  SentenceCutter(const SentenceCutter&) = delete;
  SentenceCutter& operator=(const SentenceCutter&) = delete;

  // Replaces `ends` by the ends of the sentences, in bytes, ascending; the last one is text.size(). White space belongs
  // to the sentence before it. Ill-formed UTF-8 is read as U+FFFD.
  void cut(std::string_view text, std::vector<std::size_t>& ends);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Appends the ids of `text`, exactly those that tokenizer.encode gives, sentence by sentence; and to `begins` the place
// in `ids` of the first id of each sentence that has one. Where the tokenizer cannot cut between two sentences they are
// one.
void encode_sentences(const Tokenizer& tokenizer, std::string_view text, SentenceCutter& cutter,
                      std::vector<TokenId>& ids, std::vector<std::size_t>& begins);

}  // namespace phalanx::data
