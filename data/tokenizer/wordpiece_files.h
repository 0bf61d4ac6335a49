// Files of WordPiece tokenizers: BERT's vocab.txt with its options, and the one file of Hugging Face's tokenizers
// library.
#pragma once

#include <string>

#include "data/tokenizer/wordpiece_model.h"

namespace phalanx::data {

class TokenizerJson;

// Reads vocab.txt of a folder, one token per line, the line is the id; and, where it is there, tokenizer_config.json,
// whose options are those of BERT uncased where it states none. Options that would give other ids, and classes that are
// not BERT's, are refused by name. Throws Error naming file, line or key.
WordPieceModel read_wordpiece_files(const std::string& folder);

// Writes these two files into an existing folder.
void write_wordpiece_files(const WordPieceModel& model, const std::string& folder);

// Reads a tokenizer.json. Only what gives the ids of BERT's algorithm is read: model WordPiece with "##" and 100
// characters, normalizer BertNormalizer, pre-tokenizer BertPreTokenizer, and no added tokens but special ones.
// Everything else is refused by its name. Post-processors and decoders are not used.
WordPieceModel read_wordpiece_json(const TokenizerJson& file);

}  // namespace phalanx::data
