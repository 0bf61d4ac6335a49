// TokenSink: documents of somebody else's token files on their way into shards.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/clock.h"
#include "data/document_parts.h"
#include "data/progress.h"

namespace phalanx::data {

class TokenSink {
 public:
  // Both must live as long.
  TokenSink(DocumentParts& parts, const Tokenizer& tokenizer) : parts_(parts), end_of_text_(tokenizer.end_of_text()) {}

  // Adds to the open document; its last end-of-text id is kept back, because shards end a document with one anyhow.
  void add(std::span<const TokenId> ids);
  // The next token begins a sentence; the first one of a document does anyhow.
  void begin_sentence();
  void end_document();

  [[nodiscard]] bool document_is_open() const { return document_is_open_; }
  [[nodiscard]] std::int64_t tokens() const { return tokens_; }          // that were added
  [[nodiscard]] std::int64_t ends_added() const { return ends_added_; }  // documents that came without an end of text

 private:
  void show_progress();

  DocumentParts& parts_;
  TokenId end_of_text_;            // -1: documents have none
  bool document_is_open_ = false;  // has tokens
  bool end_is_due_ = false;        // an end-of-text id was kept back
  std::int64_t tokens_ = 0, ends_added_ = 0;
  Progress progress_;
  Clock::time_point begin_ = Clock::now();
};

}  // namespace phalanx::data
