// Folders of shards, and where their windows lie.
#include "data/shard_reader.h"

#include <algorithm>

#include "core/check.h"

namespace phalanx::data {

ShardReader::ShardReader(const std::string& folder) : folder_(folder), manifest_(read_manifest(folder)) {
  for (std::size_t i = 0; i < manifest_.shards.size(); ++i) {
    shards_.push_back(std::make_unique<Shard>(folder_, manifest_, i));
  }
}

WindowTable::WindowTable(const ShardReader& reader, const WindowShape& shape) : shape_(shape) {
  const auto& [stride, tokens] = shape_;
  ENSURE(stride > 0 && tokens >= stride, "windows of ", tokens, " tokens every ", stride);
  std::int64_t windows = 0;
  for (const auto& shard : reader.shards()) {
    windows += std::max<std::int64_t>(shard->tokens() - (tokens - stride), 0) / stride;
    ends_.push_back(windows);
  }
  if (windows == 0) {
    throw UsageError(str(reader.folder(), ": its ", reader.manifest().tokens, " tokens hold no window of ", stride,
                         tokens > stride ? " + 1" : "", ": lower model.context or add text"));
  }
}

WindowTable::Place WindowTable::place(std::int64_t window) const {
  ENSURE(window >= 0 && window < windows(), "window ", window, " of ", windows());
  const auto shard = std::upper_bound(ends_.begin(), ends_.end(), window) - ends_.begin();
  const std::int64_t begin = shard == 0 ? 0 : ends_[static_cast<std::size_t>(shard) - 1];
  return {static_cast<std::size_t>(shard), (window - begin) * shape_.stride};
}

}  // namespace phalanx::data
