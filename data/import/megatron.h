// Megatron's indexed data sets: NAME.idx and NAME.bin.
//
// NAME.idx: "MMIDIDX\0\0", uint64 version (1), uint8 type of the tokens, uint64 number of sequences S, uint64 number of
// document entries D, int32 length of each sequence (S), int64 byte of NAME.bin where each begins (S), int64 number of
// sequences before each document and, last, in all (D). NAME.bin: the tokens, sequence after sequence.
// Types: 1 uint8, 2 int8, 3 int16, 4 int32, 5 int64, 8 uint16; 6 and 7 are floats, which are no tokens.
#pragma once

#include <string>
#include <vector>

#include "data/import/token_sink.h"
#include "data/tokenizer/tokenizer.h"

namespace phalanx::data {

// Each path is NAME, NAME.idx or NAME.bin. A sequence begins a sentence. Every field must agree with the others and
// with the sizes of both files. Throws Error naming file and byte.
void import_megatron(const std::vector<std::string>& paths, const Tokenizer& tokenizer, TokenSink& sink);

}  // namespace phalanx::data
