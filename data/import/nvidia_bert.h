// The HDF5 files of NVIDIA's BERT pretraining: sequences that are masked already.
//
// Data sets of integers with a row per sequence: /input_ids, /input_mask and /segment_ids (N, T),
// /masked_lm_positions and /masked_lm_ids (N, P), /next_sentence_labels (N). A sequence is [CLS] A [SEP] B [SEP] and
// padding; position 0 among the masked ones is padding. Label 0: B follows A; 1: it is from elsewhere.
#pragma once

#include <string>
#include <vector>

#include "data/import/token_sink.h"
#include "data/tokenizer/tokenizer.h"

namespace phalanx::data {

// Takes the masks back. A and B become the two sentences of one document where B follows A, two documents otherwise.
// Throws Error naming file, data set and row; UsageError if the tokenizer has no [CLS] and [SEP].
void import_nvidia_bert(const std::vector<std::string>& paths, const Tokenizer& tokenizer, TokenSink& sink);

}  // namespace phalanx::data
