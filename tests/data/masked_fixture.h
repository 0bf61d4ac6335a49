// Objectives and shards for the tests of masked language modelling, whose ids tell where a token stands.
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "data/masked_lm.h"
#include "tests/data/shard_fixture.h"

namespace phalanx::data {

inline constexpr TokenId kPad = 0, kCls = 2, kSep = 3, kMask = 4, kFirstId = 5;

// Ids below 5 are special; every third one from 5 on, and the next, continue a word: words of one or three pieces.
inline MaskedLm masked_lm(std::int64_t vocabulary = 257) {
  MaskedLm masked;
  MaskedVocabulary& v = masked.vocabulary;
  v.cls = kCls;
  v.sep = kSep;
  v.pad = kPad;
  v.mask = kMask;
  v.is_special.resize(static_cast<std::size_t>(vocabulary));
  std::fill_n(v.is_special.begin(), kFirstId, true);
  v.continues_word.resize(static_cast<std::size_t>(vocabulary));
  for (std::size_t id = kFirstId; id < v.continues_word.size(); ++id) v.continues_word[id] = id % 4 == 3 || id % 4 == 0;
  return masked;
}

// A document is the lengths of its sentences. Token i of the folder has the id kFirstId + i.
struct StreamDocument {
  std::vector<std::int64_t> sentences;
};

inline constexpr std::int64_t kStreamVocabulary = 200000;

inline void write_stream(const std::string& folder, const std::vector<StreamDocument>& documents,
                         bool keep_sentences = true) {
  std::filesystem::create_directories(folder);
  const ByteTokenizer tokenizer(kStreamVocabulary, false);
  ShardWriter writer({folder, "test", kLargeShards, keep_sentences}, tokenizer);
  TokenId next = kFirstId;
  for (const StreamDocument& document : documents) {
    for (const std::int64_t length : document.sentences) {
      std::vector<TokenId> ids(static_cast<std::size_t>(length));
      for (TokenId& id : ids) id = next++;
      writer.begin_sentence();
      writer.add_tokens(ids);
    }
    writer.end_document();
  }
  writer.finish();
}

// One sequence of a batch, and what it was before it was hidden.
struct MaskedRow {
  std::vector<std::int32_t> tokens, restored, targets, slots, positions, begins, ends, types;
  std::int32_t label = Batch::kIgnore;
  std::int64_t sequence = 0;
  bool operator==(const MaskedRow&) const = default;
};

inline void append_masked_rows(const Batch& batch, std::vector<MaskedRow>& rows) {
  for (int b = 0; b < batch.B; ++b) {
    const auto part = [b](const std::vector<std::int32_t>& field, int width) {
      if (field.empty()) return std::vector<std::int32_t>();
      return std::vector<std::int32_t>(field.begin() + b * width, field.begin() + (b + 1) * width);
    };
    MaskedRow row{.tokens = part(batch.tokens, batch.T),
                  .restored = part(batch.tokens, batch.T),
                  .targets = part(batch.targets, batch.P),
                  .slots = part(batch.slots, batch.P),
                  .positions = part(batch.positions, batch.T),
                  .begins = part(batch.document_begin, batch.T),
                  .ends = part(batch.document_end, batch.T),
                  .types = part(batch.token_types, batch.T)};
    for (std::size_t i = 0; i < row.slots.size(); ++i) {
      row.slots[i] -= b * batch.T;  // places in the row
      if (row.targets[i] != Batch::kIgnore) row.restored.at(static_cast<std::size_t>(row.slots[i])) = row.targets[i];
    }
    if (!batch.next_sentence.empty()) row.label = batch.next_sentence[static_cast<std::size_t>(b)];
    row.sequence = batch.sequences[static_cast<std::size_t>(b)];
    rows.push_back(row);
  }
}

}  // namespace phalanx::data
