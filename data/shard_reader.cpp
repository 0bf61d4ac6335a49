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

WindowTable::WindowTable(const ShardReader& reader, std::int64_t context) : context_(context) {
  ENSURE(context > 0, "context is ", context);
  std::int64_t windows = 0;
  for (const auto& shard : reader.shards()) {
    windows += (shard->tokens() - 1) / context;
    ends_.push_back(windows);
  }
  if (windows == 0) {
    throw UsageError(str(reader.folder(), ": its ", reader.manifest().tokens, " tokens hold no window of ", context,
                         " + 1: lower model.context or add text"));
  }
}

WindowTable::Place WindowTable::place(std::int64_t window) const {
  ENSURE(window >= 0 && window < windows(), "window ", window, " of ", windows());
  const auto shard = std::upper_bound(ends_.begin(), ends_.end(), window) - ends_.begin();
  const std::int64_t begin = shard == 0 ? 0 : ends_[static_cast<std::size_t>(shard) - 1];
  return {static_cast<std::size_t>(shard), (window - begin) * context_};
}

}  // namespace phalanx::data
