// Small tokenizers for the tests of byte-level BPE.
#pragma once

#include "data/tokenizer/bpe.h"
#include "data/tokenizer/bpe_train.h"
#include "tests/data/tokenizer_fixture.h"

namespace phalanx::data::testing_bpe {

using namespace testing_tokenizer;

inline BpeTraining train_sample(std::int64_t vocabulary, int threads = 1) {
  return train_bpe({.vocabulary = vocabulary, .threads = threads}, pieces({kSampleText}));
}

}  // namespace phalanx::data::testing_bpe
