// Windows as rows of batches for masked language modelling.
#pragma once

#include <cstdint>
#include <vector>

#include "core/batch.h"
#include "data/masked_lm.h"
#include "data/masker.h"
#include "data/sentence_pair.h"
#include "data/shard_reader.h"

namespace phalanx::data {

// Throws UsageError naming folder and reason if its tokens are of another vocabulary, or, with next_sentence, if it
// does not store sentences or has a single document.
void require_masked_source(const ShardReader& reader, const MaskedLm& objective);

// A row without next_sentence: each document's part inside the window becomes [CLS] part [SEP], a document of its own
// for positions and attention; what does not fit is cut at the end. Without `document_attention` it is
// [CLS] window [SEP]. With next_sentence: [CLS] A [SEP] B [SEP] (sentence_pair.h), one document. The rest is [PAD], a
// document of its own where nothing is predicted. What is hidden: masker.h. `ordinal` is the position of all random
// numbers: of the sequence in the run, or of the window in an evaluation.
class MaskedRows {
 public:
  MaskedRows(const MaskedLm& objective, std::uint64_t seed, bool document_attention);

  // Fills row `row` of `batch`, whose shape is that of batch_shape, with a window of `source`, and adds to what is
  // predicted. Leaves batch.sequences alone. Returns the number of tokens without padding.
  std::int64_t fill(const WindowSource& source, std::int64_t window, std::int64_t ordinal, Batch& batch, int row);

 private:
  void put_documents(const WindowSource& source, std::int64_t window);
  void put_pair(const WindowSource& source, std::int64_t window, std::int64_t ordinal, Batch& batch, int row);
  void put_document(std::span<const std::int32_t> ids);

  MaskedLm objective_;
  bool document_attention_;
  Masker masker_;
  SentencePairs pairs_;
  SentencePair pair_;

  std::size_t T_ = 0;                    // of the batch being filled
  std::vector<std::int32_t> tokens_;     // of the row, without padding
  std::vector<std::size_t> ends_;        // of its documents
  std::vector<std::int32_t> ids_;        // of the window
  std::vector<std::int64_t> documents_;  // that begin inside the window
};

}  // namespace phalanx::data
