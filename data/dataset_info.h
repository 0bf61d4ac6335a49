// DatasetInfo: what a folder of shards says of itself in its manifest.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace phalanx::data {

// What the trainer needs to know of a folder before it builds a model.
struct DatasetInfo {
  std::int64_t vocabulary = 0;
  std::string tokenizer_digest;              // SHA-256 over the tokenizer's files
  std::string data_digest;                   // SHA-256 over the manifest's checksums
  std::vector<std::int64_t> unigram_counts;  // per token id, of the training tokens; empty when not stored
};
DatasetInfo read_dataset_info(const std::string& path);

// Something that token ids came from: `name` says what it is (a key and a path), for messages.
struct TokenSource {
  std::string name;
  std::string tokenizer_digest;
};
// Throws UsageError naming both when their tokenizers differ.
void require_same_tokenizer(const TokenSource& source, const TokenSource& reference);

}  // namespace phalanx::data
