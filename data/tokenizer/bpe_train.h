// Training of byte-level BPE: words of a corpus are counted, then the most frequent pair of tokens becomes a token,
// over and over.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/tokenizer/bpe_model.h"
#include "data/tokenizer/word_counts.h"

namespace phalanx::data {

struct BpeTrainOptions {
  std::int64_t vocabulary = 0;                            // entries: 256 bytes, merges, special tokens
  std::vector<std::string> specials = {"<|endoftext|>"};  // take the last ids, in this order; the first ends a text
  int threads = 1;                                        // that count words
};

struct BpeTraining {
  BpeModel model;
  std::int64_t corpus_bytes = 0;
  std::int64_t corpus_tokens = 0;  // that the corpus takes with this model
  std::int64_t distinct_words = 0;
};

// The model depends on the corpus, the vocabulary and the special tokens alone: not on threads, nor on how the corpus
// is cut into pieces or ordered. Pairs that occur equally often are taken by the smaller left id, then the smaller
// right id; bytes have the ids of GPT-2. Words over 1,024 bytes are cut for counting, so that a corpus without white
// space ends too. Throws UsageError for a vocabulary that is too small, special tokens that are empty, repeated, not
// UTF-8 or equal to another token, an empty corpus, and one that gives fewer merges than asked, naming the size that
// would do.
BpeTraining train_bpe(const BpeTrainOptions& options, const NextPiece& next);

}  // namespace phalanx::data
