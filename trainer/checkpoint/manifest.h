// manifest.json to and from a Manifest. The first line holds format version and checksum of all that follows it.
#pragma once

#include <cstdint>
#include <string>

#include "trainer/checkpoint/checkpoint.h"

namespace phalanx::checkpoint {

inline constexpr std::int64_t kFormat = 1;

std::string name_of(Split split);  // "none", "rows", "columns", "heads"

std::string manifest_text(const Manifest& manifest);
// `path` is for messages. Every number is checked for its range; whether the pieces fit together is coverage.h.
Manifest parse_manifest(const std::string& text, const std::string& path);

// What a writer tells the rank that commits: one file, its checksum and its pieces.
std::string stored_file_text(const StoredFile& file);
StoredFile parse_stored_file(const std::string& text, const std::string& path);

}  // namespace phalanx::checkpoint
