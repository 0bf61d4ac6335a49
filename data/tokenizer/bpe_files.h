// Files of byte-level BPE tokenizers: GPT-2's pair of files, and the one file of Hugging Face's tokenizers library.
#pragma once

#include <string>

#include "data/tokenizer/bpe_model.h"

namespace phalanx::data {

class TokenizerJson;

// Reads vocab.json and merges.txt of a folder, and, where it is there, tokenizer_config.json (which tokens are special,
// which one ends a text). Throws Error naming file, line or key.
BpeModel read_bpe_files(const std::string& folder);

// Writes these three files into an existing folder.
void write_bpe_files(const BpeModel& model, const std::string& folder);

// Reads a tokenizer.json. Only what gives the ids of GPT-2's algorithm is read: model BPE with 256 bytes,
// pre-tokenizer ByteLevel with its pattern and without a prefix space, no normalizer, and no added tokens but special
// ones. Everything else is refused by its name. Post-processors are not used: they add special tokens, and those are
// added where sequences are made.
BpeModel read_bpe_json(const TokenizerJson& file);

}  // namespace phalanx::data
