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

// Writes `folder`/`name` from the first `tokens` tokens and all `offsets` (begins of documents), and makes it durable.
// `manifest` gives the attributes.
ShardEntry write_shard_file(const std::string& folder, const std::string& name, const Manifest& manifest,
                            Spool<std::uint32_t>& token_spool, std::int64_t tokens, Spool<std::uint64_t>& offsets);

// CRC-32C of all of the file but bytes [begin, end).
std::uint32_t crc_outside(const File& file, std::int64_t begin, std::int64_t end);

}  // namespace phalanx::data
