// What the tests of imported token files share: bytes of numbers, and the ids of a folder of shards.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "data/import/import.h"
#include "data/shard_reader.h"

namespace phalanx::data::testing_import {

// The numbers' bytes, little-endian, one after another.
template <class T>
std::string bytes(const std::vector<T>& values) {
  std::string text(values.size() * sizeof(T), '\0');
  if (!values.empty()) std::memcpy(text.data(), values.data(), text.size());
  return text;
}

template <class T>
void put(std::string& file, std::size_t offset, T value) {
  std::memcpy(file.data() + offset, &value, sizeof value);
}

// Ids of the shards, document by document, ends of text included.
inline std::vector<std::vector<TokenId>> documents(const std::string& folder) {
  std::vector<std::vector<TokenId>> found;
  const ShardReader reader(folder);
  for (const auto& shard : reader.shards()) {
    const auto bounds = shard->document_bounds(0, shard->documents());
    for (std::size_t d = 0; d + 1 < bounds.size(); ++d) {
      auto& ids = found.emplace_back(static_cast<std::size_t>(bounds[d + 1] - bounds[d]));
      shard->read_tokens(bounds[d], std::span(ids));
    }
  }
  return found;
}

inline std::vector<TokenId> stream(const std::string& folder) {
  std::vector<TokenId> ids;
  for (const auto& document : documents(folder)) ids.insert(ids.end(), document.begin(), document.end());
  return ids;
}

}  // namespace phalanx::data::testing_import
