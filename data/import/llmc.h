// llm.c's token files.
//
// A file is a header of 256 int32 and the tokens. Header: [0] magic, [1] version, [2] number of tokens, the rest 0.
// Magic 20240520, version 1 (GPT-2): uint16 tokens; magic 20240801, version 7 (Llama 3): uint32 tokens.
// The end-of-text id stands before each document, and a document may go on in the next file.
#pragma once

#include <string>
#include <vector>

#include "data/import/token_sink.h"
#include "data/tokenizer/tokenizer.h"

namespace phalanx::data {

// The files are one stream, in the order given. The end of text that begins the stream becomes the one that ends it:
// the ids of the shards are those of the files, turned by one place. Throws Error naming file and byte, UsageError if
// the tokenizer has no end of text.
void import_llmc(const std::vector<std::string>& paths, const Tokenizer& tokenizer, TokenSink& sink);

}  // namespace phalanx::data
