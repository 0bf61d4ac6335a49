// Token shards on disk: names and numbers that the writer and the reader share.
//
// A shard is an HDF5 file: /tokens (1-D, contiguous, uint16 or uint32), /document_offsets (1-D, contiguous, uint64:
// first entry 0, last the number of tokens), where known /sentence_offsets (the same of sentences; each document begins
// one), and attributes of the root, named below. A folder of shards holds shard_00000.h5 and so on, manifest.json
// (manifest.h) and tokenizer/, a copy of the tokenizer's files.
#pragma once

#include <cstdint>

#include "data/hdf5_file.h"

namespace phalanx::data {

inline constexpr std::int64_t kShardFormat = 1;
inline constexpr std::int64_t kChunkBytes = std::int64_t{1} << 20;  // of tokens under one checksum

inline constexpr char kTokens[] = "tokens";
inline constexpr char kDocumentOffsets[] = "document_offsets";
inline constexpr char kSentenceOffsets[] = "sentence_offsets";
inline constexpr char kTokenizerFolder[] = "tokenizer";

namespace attribute {
inline constexpr char kFormatVersion[] = "format_version";
inline constexpr char kTokenizerKind[] = "tokenizer_kind";
inline constexpr char kVocabulary[] = "vocabulary";
inline constexpr char kTokenizerDigest[] = "tokenizer_digest";
inline constexpr char kSpecialTokens[] = "special_tokens";  // JSON object: text -> id
inline constexpr char kEndOfText[] = "end_of_text";         // id, -1: none
inline constexpr char kSource[] = "source";
inline constexpr char kTokenCount[] = "tokens";
inline constexpr char kDocumentCount[] = "documents";
}  // namespace attribute

constexpr Hdf5Type token_type(std::int64_t vocabulary) { return vocabulary <= 65536 ? Hdf5Type::u16 : Hdf5Type::u32; }

}  // namespace phalanx::data
