// manifest.json of a folder of shards: what the folder holds and the checksums by which damage is found before it
// hurts.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace phalanx::data {

inline constexpr std::int64_t kManifestFormat = 1;

struct ShardEntry {
  std::string name;        // file name inside the folder
  std::int64_t bytes = 0;  // of the file
  std::int64_t tokens = 0;
  std::int64_t documents = 0;             // entries of /document_offsets, less one
  std::int64_t sentences = 0;             // entries of /sentence_offsets, less one; 0: not stored
  std::int64_t token_offset = 0;          // where the token bytes begin in the file
  std::uint32_t metadata_crc = 0;         // CRC-32C of everything in the file but the token bytes
  std::vector<std::uint32_t> chunk_crcs;  // CRC-32C of each MiB of token bytes
};

struct Manifest {
  std::string source;  // name
  std::string tokenizer_kind;
  std::string tokenizer_digest;
  std::int64_t vocabulary = 0;
  std::int64_t end_of_text = -1;                       // id, -1: none
  std::map<std::string, std::int64_t> special_tokens;  // text -> id
  std::int64_t tokens = 0;
  std::int64_t documents = 0;
  std::int64_t text_bytes = 0;
  std::vector<std::int64_t> token_counts;  // (vocabulary): how often each id occurs
  std::vector<ShardEntry> shards;

  [[nodiscard]] bool has_sentences() const { return !shards.empty() && shards[0].sentences > 0; }  // all shards alike
  [[nodiscard]] std::int64_t token_bytes() const { return vocabulary <= 65536 ? 2 : 4; }           // per token
};

// Writes `folder`/manifest.json, durable.
void write_manifest(const std::string& folder, const Manifest& manifest);

// Reads and checks it: its own checksum, format version, sums over the shards, plain file names. Throws Error naming
// the file and the reason.
Manifest read_manifest(const std::string& folder);

// SHA-256 over names, sizes and checksums: equal for folders of equal content.
std::string data_digest(const Manifest& manifest);

}  // namespace phalanx::data
