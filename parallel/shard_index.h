// Where the elements of a shard lie in the global true tensor. Initial values and checkpoints both go by it, so they
// agree.
#pragma once

#include <cstdint>
#include <vector>

#include "core/param_spec.h"

namespace phalanx {

// A padded shard beside the global true tensor: element i of the shard has row-major index padded_index(i) there; it is
// padding where that is true_count or more, which only the last elements of a shard are.
struct ShardGeometry {
  std::int64_t block = 0;         // elements that are neighbours in both
  std::int64_t global_block = 0;  // the block of all shards
  std::int64_t shard_offset = 0;  // of this shard's part in it
  std::int64_t shard_elements = 0;
  std::int64_t true_count = 0;

  [[nodiscard]] std::int64_t padded_index(std::int64_t i) const {
    return i / block * global_block + shard_offset + i % block;
  }
  // How many elements of the shard are not padding.
  [[nodiscard]] std::int64_t true_elements() const;
};
ShardGeometry shard_geometry(const ParamSpec& spec, int shard, int shard_count);

// Row-major index in the global true tensor of element `i` of padded shard `shard`; -1 for vocabulary padding.
// For tests, beside global_runs.
std::int64_t global_index(const ParamSpec& spec, int shard, int shard_count, std::int64_t i);

// A run of elements contiguous both in a shard and in the global true tensor.
struct GlobalRun {
  std::int64_t shard_begin = 0;
  std::int64_t global_begin = 0;  // -1: padding
  std::int64_t count = 0;
};
// The runs that make up elements [begin, begin + count) of a shard, in order.
std::vector<GlobalRun> global_runs(const ParamSpec& spec, int shard, int shard_count, std::int64_t begin,
                                   std::int64_t count);

}  // namespace phalanx
