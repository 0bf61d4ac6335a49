// MaskedLm: what makes a window of tokens a sequence of masked language modelling: how much is hidden and how, and the
// ids that take part in it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/batch.h"
#include "data/tokenizer/tokenizer.h"

namespace phalanx::data {

struct MaskedVocabulary {
  TokenId cls = -1, sep = -1, pad = -1, mask = -1;
  std::vector<bool> is_special;      // by id: never hidden, never drawn as a random token
  std::vector<bool> continues_word;  // by id: belongs to the word of the token before it
};

// Finds [CLS], [SEP], [PAD] and [MASK], or under RoBERTa's names <s>, </s>, <pad> and <mask>. Words are BERT's
// (continuing pieces begin with "##"), or of BPE what stands between white space. Throws UsageError naming `place`,
// where the tokenizer is from, and the missing token.
MaskedVocabulary masked_vocabulary(const Tokenizer& tokenizer, const std::string& place);
// The same of the tokenizer whose copy lies in a folder of shards; refuses one that did not make the tokens.
MaskedVocabulary read_masked_vocabulary(const std::string& shard_folder);

struct MaskedLm {
  double mask_probability = 0.15;  // share of the tokens that are predicted, of those that may be
  double mask_token = 0.8;         // of these: share that [MASK] stands for,
  double random_token = 0.1;       // and share that a random token stands for; the others stay as they are
  bool whole_word = false;         // all pieces of a word or none
  int span = 1;                    // longest run hidden together, in tokens or words; n of them with weight 1/n
  bool next_sentence = false;      // sequences are pairs of segments with a label
  MaskedVocabulary vocabulary;
};

// P: max(1, round(p T)), the most predictions that a sequence of T tokens can have.
int predictions_per_sequence(int context, double mask_probability);

// What a batch of B sequences needs; without `masked` it is causal.
BatchShape batch_shape(int B, int context, const std::optional<MaskedLm>& masked);

// Which tokens of a shard's stream belong to window w: [w * stride, w * stride + tokens).
struct WindowShape {
  std::int64_t stride = 0, tokens = 0;
};
// Causal: T + 1 tokens, the last one a target only. Masked: what leaves room for [CLS] and [SEP], and for another [SEP]
// between two segments.
WindowShape window_shape(int context, const std::optional<MaskedLm>& masked);

// Throws UsageError naming the key of a number that is out of range, or model.context if it leaves no room.
void require_masked_lm(const MaskedLm& masked, int context);

}  // namespace phalanx::data
