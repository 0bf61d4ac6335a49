// DocumentParts: a stream of documents of tokens -> OUTPUT/train and OUTPUT/validation, which appear at once.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "data/output_folder.h"
#include "data/shard_writer.h"
#include "data/tokenizer/tokenizer.h"

namespace phalanx::data {

struct PreparedPart {
  std::string folder;  // empty: there is none
  std::int64_t documents = 0;
  std::int64_t tokens = 0;
  std::int64_t text_bytes = 0;
};

struct DocumentPartsOptions {
  std::string output;                                   // folder; made if it is not there
  std::string source;                                   // name kept in the shards; empty: the last part of `output`
  double validation_fraction = 0;                       // of the documents, in [0, 1); 0: no validation folder
  std::int64_t max_file_bytes = std::int64_t{1} << 30;  // of a shard
};

// Throws UsageError unless the fraction is in [0, 1).
void require_validation_fraction(double fraction);
// Throws the UsageError that `documents` are too few for a validation part.
[[noreturn]] void refuse_too_few_documents(std::int64_t documents);

// Which documents are for validation is drawn by a key of its own from their ordinals; the first document is always for
// training, and if none was drawn the last one is for validation, so that both parts have one.
class DocumentParts {
 public:
  // Works in OUTPUT/prepare.partial; see OutputFolder for what is refused. The tokenizer must live as long.
  DocumentParts(const DocumentPartsOptions& options, const Tokenizer& tokenizer);

  // Add to the open document; the first call after end_document() opens the next one. See ShardWriter.
  void add_tokens(std::span<const TokenId> ids) { open().add_tokens(ids); }
  void begin_sentence() { open().begin_sentence(); }
  void add_text_bytes(std::int64_t bytes) { open().add_text_bytes(bytes); }
  // A document without tokens is dropped and counted.
  void end_document();

  [[nodiscard]] std::int64_t documents() const { return documents_; }  // that were ended, empty ones too
  [[nodiscard]] std::int64_t empty_documents() const { return empty_; }
  [[nodiscard]] std::int64_t kept() const { return documents_ - empty_; }

  struct Result {
    PreparedPart train, validation;
  };
  // Writes the rest and gives both parts their names; durable. At least one document must be kept; throws UsageError if
  // too few can be divided.
  Result finish();

 private:
  ShardWriter& open();
  [[nodiscard]] std::unique_ptr<ShardWriter> make_writer(const char* part, const Tokenizer& tokenizer) const;
  void require_both_parts();
  PreparedPart finish(ShardWriter* writer, const char* part) const;

  DocumentPartsOptions options_;
  OutputFolder output_;
  std::unique_ptr<ShardWriter> train_, validation_;  // validation_ may be null
  ShardWriter* writer_ = nullptr;                    // of the open document; null: none is open
  std::int64_t documents_ = 0, empty_ = 0;
};

}  // namespace phalanx::data
