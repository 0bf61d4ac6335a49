// ShardReader: a folder of token shards, opened and checked.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/manifest.h"
#include "data/masked_lm.h"
#include "data/shard.h"

namespace phalanx::data {

class ShardReader {
 public:
  // Reads the manifest and opens all its shards (see Shard). Throws Error naming file and reason.
  explicit ShardReader(const std::string& folder);

  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] const Manifest& manifest() const { return manifest_; }
  [[nodiscard]] const std::vector<std::unique_ptr<Shard>>& shards() const { return shards_; }

 private:
  std::string folder_;
  Manifest manifest_;
  std::vector<std::unique_ptr<Shard>> shards_;
};

// Windows of fixed length in the shards' streams (WindowShape). Causal ones share a token with their neighbours: the
// last target of one is the first input of the next. No window crosses shards.
class WindowTable {
 public:
  // Throws UsageError if the folder has no window of this length.
  WindowTable(const ShardReader& reader, const WindowShape& shape);
  // Causal.
  WindowTable(const ShardReader& reader, int context) : WindowTable(reader, window_shape(context, std::nullopt)) {}

  [[nodiscard]] const WindowShape& shape() const { return shape_; }
  [[nodiscard]] std::int64_t windows() const { return ends_.back(); }

  struct Place {
    std::size_t shard = 0;
    std::int64_t first = 0;  // token
  };
  // window in [0, windows()), in file order.
  [[nodiscard]] Place place(std::int64_t window) const;
  // One past the last window of a shard.
  [[nodiscard]] std::int64_t end_of_shard(std::size_t shard) const { return ends_[shard]; }

 private:
  WindowShape shape_;
  std::vector<std::int64_t> ends_;  // windows up to the end of each shard
};

// A folder and its windows.
struct WindowSource {
  const ShardReader& reader;
  const WindowTable& table;
};

}  // namespace phalanx::data
