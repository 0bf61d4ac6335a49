// One shard on disk: writing it from spools, and the checksum that guards it against libhdf5's weaknesses.
#pragma once

#include <cstdint>
#include <string>

#include "core/file.h"
#include "data/manifest.h"
#include "data/spool.h"

namespace phalanx::data {

// The special tokens as they stand in a shard's attribute.
std::string special_tokens_json(const Manifest& manifest);

// What a shard is written from: the first `token_count` tokens, all begins of documents, the first `sentence_count`
// begins of sentences (0: these are not stored).
struct ShardContent {
  Spool<std::uint32_t>& tokens;
  std::int64_t token_count;
  Spool<std::uint64_t>& documents;
  Spool<std::uint64_t>& sentences;
  std::int64_t sentence_count;
};

// Writes `folder`/`name` and makes it durable. `manifest` gives the attributes.
ShardEntry write_shard_file(const std::string& folder, const std::string& name, const Manifest& manifest,
                            const ShardContent& content);

// CRC-32C of all of the file but bytes [begin, end).
std::uint32_t crc_outside(const File& file, std::int64_t begin, std::int64_t end);

}  // namespace phalanx::data
