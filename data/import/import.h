// import_tokens: token files of other programs -> folders of token shards. What `phalanx data import` does.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/document_parts.h"
#include "data/tokenizer/tokenizer.h"

namespace phalanx::data {

enum class ImportFormat { megatron, llmc, nvidia_bert };

// "megatron", "llmc", "nvidia_bert"; another name throws UsageError naming --from.
ImportFormat import_format_from_name(std::string_view name);

struct ImportOptions {
  ImportFormat from = ImportFormat::megatron;
  std::vector<std::string> inputs;  // files; see megatron.h, llmc.h and nvidia_bert.h
  DocumentPartsOptions parts;
};

struct ImportReport {
  PreparedPart train, validation;  // their text_bytes are 0: text is not known
  std::int64_t tokens_read = 0;
  std::int64_t empty_documents = 0;  // dropped
  std::int64_t ends_added = 0;       // documents that got an end of text, which they did not have
  double seconds = 0;
};

// `tokenizer` is the one that made the tokens; its copy goes with the shards. Memory is bounded, whatever the files
// claim. Throws UsageError before any work if an input is missing, and as DocumentParts does; Error naming file and
// place if a file is damaged or of another tokenizer. What fails leaves no output.
ImportReport import_tokens(const ImportOptions& options, const Tokenizer& tokenizer);

}  // namespace phalanx::data
