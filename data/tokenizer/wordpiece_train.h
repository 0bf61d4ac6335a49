// Training of WordPiece: words of a corpus are counted as BERT reads them; characters become tokens, then the most
// frequent pair of neighbouring tokens, over and over.
#pragma once

#include <cstdint>

#include "data/tokenizer/word_counts.h"
#include "data/tokenizer/wordpiece_model.h"

namespace phalanx::data {

struct WordPieceTrainOptions {
  std::int64_t vocabulary = 0;   // entries: 5 special tokens, characters, merges
  std::int64_t alphabet = 1000;  // different characters at most; words with rarer ones become [UNK]
  BertTextOptions text = {};
  int threads = 1;  // that count words
};

struct WordPieceTraining {
  WordPieceModel model;
  std::int64_t corpus_bytes = 0;
  std::int64_t corpus_tokens = 0;  // that the corpus takes with this model
  std::int64_t unknown_words = 0;  // of these, [UNK]
  std::int64_t distinct_words = 0;
  std::int64_t merges = 0;
};

// The vocabulary is the special tokens (ids 0 to 4), the most frequent characters in their order, each as the begin of
// a word and as its continuation ("##"; those that stand alone only as a begin), then what merges made. So a word of
// known characters is never [UNK]. It depends on the corpus and the options alone: not on threads, nor on how the
// corpus is cut into pieces or ordered. Pairs that occur equally often are taken by the smaller left id, then the
// smaller right id; equally frequent characters by the smaller code point. Throws UsageError for a vocabulary that is
// too small for the characters, an empty corpus, and one that gives fewer merges than asked, naming the size that would
// do.
WordPieceTraining train_wordpiece(const WordPieceTrainOptions& options, const NextPiece& next);

}  // namespace phalanx::data
