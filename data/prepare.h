// prepare: text -> folders of token shards, OUTPUT/train and OUTPUT/validation. What `phalanx data prepare` does.
#pragma once

#include <cstdint>
#include <string>

#include "data/document_parts.h"
#include "data/text_source.h"
#include "data/tokenizer/tokenizer.h"

namespace phalanx::data {

struct PrepareOptions {
  TextOptions text;
  std::string output;              // folder; made if it is not there
  std::string source;              // name kept in the shards; empty: the last part of `output`
  double validation_fraction = 0;  // of the documents, in [0, 1); 0: no validation folder
  int workers = 0;                 // threads that encode; 0: one per core that this process may use
  std::int64_t max_file_bytes = std::int64_t{1} << 30;  // of a shard
};

struct PrepareReport {
  PreparedPart train, validation;
  std::int64_t empty_documents = 0;  // skipped
  std::int64_t invalid_utf8 = 0;     // ill-formed sequences
  double seconds = 0;
};

// The result depends on the text and the options alone, not on `workers`. DocumentParts says which documents are for
// validation. Works in OUTPUT/prepare.partial, which is renamed at the end; what a killed run left there is replaced.
// Memory stays under 500 MB for any text. Throws UsageError before any work
// if an input is missing, a part is there already, the output cannot be written, or another process prepares the same
// output; at the end if the text is empty, or too few documents can be divided.
PrepareReport prepare(const PrepareOptions& options, const Tokenizer& tokenizer);

}  // namespace phalanx::data
