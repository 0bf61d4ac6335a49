#include "data/masked_rows.h"

#include <algorithm>

#include "core/check.h"
#include "data/window.h"

namespace phalanx::data {

void require_masked_source(const ShardReader& reader, const MaskedLm& objective) {
  const Manifest& manifest = reader.manifest();
  if (manifest.vocabulary != static_cast<std::int64_t>(objective.vocabulary.is_special.size())) {
    throw UsageError(str(reader.folder(), ": its vocabulary of ", manifest.vocabulary, " ids is not the ",
                         objective.vocabulary.is_special.size(), " of the tokenizer"));
  }
  if (!objective.next_sentence) return;
  if (!manifest.has_sentences()) {
    throw UsageError(str(reader.shards().front()->path(), ": has no /sentence_offsets, which ",
                         "objective.next_sentence needs: run `phalanx data prepare` again with a wordpiece tokenizer, "
                         "or set objective.next_sentence to false"));
  }
  if (manifest.documents < 2) {
    throw UsageError(str(reader.folder(), ": has a single document; objective.next_sentence takes text from others: ",
                         "`phalanx data prepare` with --split blank_line or --split line makes more"));
  }
}

MaskedRows::MaskedRows(const MaskedLm& objective, std::uint64_t seed, bool document_attention)
    : objective_(objective), document_attention_(document_attention), masker_(objective, seed), pairs_(seed) {}

// [CLS] ids [SEP], as far as the row has room: nothing if that is not for one id.
void MaskedRows::put_document(std::span<const std::int32_t> ids) {
  const std::int32_t sep = objective_.vocabulary.sep;
  if (!ids.empty() && ids.back() == sep) ids = ids.first(ids.size() - 1);  // the stream's own
  if (ids.empty() || T_ - tokens_.size() < 3) return;
  ids = ids.first(std::min(ids.size(), T_ - tokens_.size() - 2));
  tokens_.push_back(objective_.vocabulary.cls);
  tokens_.insert(tokens_.end(), ids.begin(), ids.end());
  tokens_.push_back(sep);
  ends_.push_back(tokens_.size());
}

void MaskedRows::put_documents(const WindowSource& source, std::int64_t window) {
  const WindowTable::Place place = source.table.place(window);
  const Shard& shard = *source.reader.shards()[place.shard];
  const std::int64_t count = source.table.shape().tokens;
  ids_.resize(static_cast<std::size_t>(count));
  shard.read_tokens(place.first, std::span(ids_));
  documents_.clear();
  if (document_attention_) shard.document_begins(place.first, place.first + count, documents_);
  documents_.push_back(place.first + count);
  std::size_t begin = 0;
  for (const std::int64_t document : documents_) {
    const auto end = static_cast<std::size_t>(document - place.first);
    put_document(std::span<const std::int32_t>(ids_).subspan(begin, end - begin));
    begin = end;
  }
}

void MaskedRows::put_pair(const WindowSource& source, std::int64_t window, std::int64_t ordinal, Batch& batch,
                          int row) {
  pairs_.make(source, window, static_cast<std::uint64_t>(ordinal), pair_);
  std::int32_t* const types = batch.token_types.data() + static_cast<std::size_t>(row) * T_;
  std::fill_n(types, T_, 0);
  std::int32_t& label = batch.next_sentence[static_cast<std::size_t>(row)];
  label = Batch::kIgnore;
  if (pair_.a.empty()) return;
  label = pair_.b_follows_a ? 0 : 1;
  ++batch.predicted_pairs;
  tokens_.push_back(objective_.vocabulary.cls);
  for (const std::vector<std::int32_t>* segment : {&pair_.a, &pair_.b}) {
    tokens_.insert(tokens_.end(), segment->begin(), segment->end());
    tokens_.push_back(objective_.vocabulary.sep);
  }
  ends_.push_back(tokens_.size());
  std::fill(types + pair_.a.size() + 2, types + tokens_.size(), 1);
}

std::int64_t MaskedRows::fill(const WindowSource& source, std::int64_t window, std::int64_t ordinal, Batch& batch,
                              int row) {
  T_ = static_cast<std::size_t>(batch.T);
  tokens_.clear();
  ends_.clear();
  if (objective_.next_sentence)
    put_pair(source, window, ordinal, batch, row);
  else
    put_documents(source, window);

  const std::size_t offset = static_cast<std::size_t>(row) * T_;
  const std::span<std::int32_t> tokens = std::span(batch.tokens).subspan(offset, T_);
  std::copy(tokens_.begin(), tokens_.end(), tokens.begin());
  std::fill(tokens.begin() + static_cast<std::ptrdiff_t>(tokens_.size()), tokens.end(), objective_.vocabulary.pad);
  std::int64_t begin = 0;
  for (const std::size_t end : ends_) {
    set_document(batch, row, begin, static_cast<std::int64_t>(end));
    begin = static_cast<std::int64_t>(end);
  }
  if (begin < batch.T) set_document(batch, row, begin, batch.T);

  const auto P = static_cast<std::size_t>(batch.P);
  const std::size_t slot = static_cast<std::size_t>(row) * P;
  batch.predicted +=
      masker_.mask(static_cast<std::uint64_t>(ordinal), tokens.first(tokens_.size()), static_cast<std::int32_t>(offset),
                   std::span(batch.targets).subspan(slot, P), std::span(batch.slots).subspan(slot, P));
  return static_cast<std::int64_t>(tokens_.size());
}

}  // namespace phalanx::data
