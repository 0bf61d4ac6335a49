// ShardWriter: a stream of documents of token ids -> a folder of shards of bounded size with their manifest.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "data/manifest.h"
#include "data/spool.h"
#include "data/tokenizer/tokenizer.h"

namespace phalanx::data {

struct ShardWriterOptions {
  std::string folder;  // exists and is empty
  std::string source;  // name, for people
  std::int64_t max_file_bytes = std::int64_t{1} << 30;
  bool sentences = false;  // store where sentences begin
};

class ShardWriter {
 public:
  static constexpr std::int64_t kMinFileBytes = std::int64_t{64} << 10;

  // The tokenizer must live as long. Memory: a few MiB, and 8 bytes per entry of the vocabulary.
  ShardWriter(ShardWriterOptions options, const Tokenizer& tokenizer);

  // Add to the open document. A document stays in one shard unless it alone is larger than a shard may be.
  void add_tokens(std::span<const TokenId> ids);
  // The next token of the open document begins a sentence; its first one does anyhow. Without options.sentences
  // nothing.
  void begin_sentence() { sentence_is_due_ = options_.sentences; }
  // Ends it with the end-of-text id, if the tokenizer has one. Returns false, and keeps nothing, if it has no tokens.
  bool end_document();
  void add_text_bytes(std::int64_t bytes) { open_text_bytes_ += bytes; }

  // Takes the last document out and adds it to `to`. It must lie wholly in the shard being written, with another
  // document before it; returns false if it does not.
  bool move_last_document(ShardWriter& to);

  [[nodiscard]] std::int64_t documents() const { return manifest_.documents; }

  // Writes the last shard, the tokenizer's files and the manifest. At least one document must be there.
  const Manifest& finish();

 private:
  void roll();
  void write_shard(Spool<std::uint32_t>& tokens, std::int64_t count, Spool<std::uint64_t>& sentences);
  void move_tokens(std::int64_t begin, std::int64_t end, ShardWriter& to);
  [[nodiscard]] std::int64_t room() const;
  [[nodiscard]] std::string path_in_folder(const std::string& name) const;

  ShardWriterOptions options_;
  const Tokenizer& tokenizer_;
  Manifest manifest_;
  std::int64_t header_bytes_ = 0;                  // of a shard, at most
  std::optional<Spool<std::uint32_t>> tokens_;     // of the shard being written
  std::optional<Spool<std::uint64_t>> offsets_;    // begins of its documents, without the open one
  std::optional<Spool<std::uint64_t>> sentences_;  // begins of its sentences, those of the open document too
  std::int64_t document_begin_ = 0;                // of the open document, in the shard being written
  bool sentence_is_due_ = false;                   // the next token begins one
  std::int64_t open_text_bytes_ = 0;
  std::int64_t last_text_bytes_ = 0;  // of the last document that was ended
  bool open_is_cut_ = false;          // began in an earlier shard
  bool last_is_cut_ = false;
};

}  // namespace phalanx::data
