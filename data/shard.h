// Shard: one opened file of tokens. Opening checks everything but the token bytes; these are checked MiB by MiB when
// they are first read. After opening nothing here calls libhdf5.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/file.h"
#include "data/manifest.h"
#include "data/offset_table.h"

namespace phalanx::data {

class Shard {
 public:
  // Checks size and checksum against entry `ordinal` of the manifest before libhdf5 sees the file, then format version,
  // tokenizer, types and offsets. Throws Error naming the file and the reason.
  Shard(const std::string& folder, const Manifest& manifest, std::size_t ordinal);
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  [[nodiscard]] const std::string& path() const { return file_.path(); }

  [[nodiscard]] std::int64_t tokens() const { return tokens_; }
  [[nodiscard]] std::int64_t documents() const { return documents_; }

  // Tokens [first, first + ids.size()). Thread-safe. Throws Error when a MiB is damaged or an id is not below the
  // vocabulary.
  void read_tokens(std::int64_t first, std::span<std::int32_t> ids) const;

  // Appends the begins d of documents with first < d < end, ascending. Thread-safe.
  void document_begins(std::int64_t first, std::int64_t end, std::vector<std::int64_t>& begins) const {
    document_offsets_.between(first, end, begins);
  }

  // The document that holds token `at`. Thread-safe.
  [[nodiscard]] OffsetTable::Bounds document_around(std::int64_t at) const { return document_offsets_.around(at); }

  // Whether it stores where sentences begin; if so, the begins s with first < s < end, like documents.
  [[nodiscard]] bool has_sentences() const { return sentence_offsets_.entries() > 0; }
  void sentence_begins(std::int64_t first, std::int64_t end, std::vector<std::int64_t>& begins) const {
    sentence_offsets_.between(first, end, begins);
  }

  // Where documents [first, first + count) begin, and where the last of them ends: count + 1 entries.
  [[nodiscard]] std::vector<std::int64_t> document_bounds(std::int64_t first, std::int64_t count) const;

 private:
  void check_hdf5(const Manifest& manifest, const ShardEntry& entry);
  void require_chunks(std::int64_t begin, std::int64_t end) const;

  File file_;
  std::int64_t tokens_, documents_, vocabulary_;
  std::int64_t bytes_per_token_;
  std::int64_t token_offset_;
  OffsetTable document_offsets_, sentence_offsets_;  // of sentences there may be none
  std::vector<std::uint32_t> chunk_crcs_;
  std::unique_ptr<std::atomic<bool>[]> chunk_is_checked_;
};

}  // namespace phalanx::data
