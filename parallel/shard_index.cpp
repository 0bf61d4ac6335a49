#include "parallel/shard_index.h"

#include <algorithm>

#include "parallel/param_layout.h"

namespace phalanx {
namespace {

int split_dim(const ParamSpec& spec) {
  switch (spec.split) {
    case Split::none:
    case Split::rows: return 0;
    case Split::columns: return spec.shape.dims() - 1;
    case Split::heads: return 1;
  }
  return 0;
}

}  // namespace

// A shard as (outer, rows, inner), cut along `rows`: element (o, r, i) of shard s is (o, s * rows + r, i) of the
// global padded tensor. Only dim 0 is ever padded, at its end, so an index at or beyond the true count is padding and
// every other index is the same with and without it.
ShardGeometry shard_geometry(const ParamSpec& spec, int shard, int shard_count) {
  ENSURE(shard >= 0 && shard < shard_count, spec.name, ": shard ", shard, " of ", shard_count);
  ENSURE(spec.split != Split::none || shard_count == 1, spec.name, " is not split, found ", shard_count, " shards");
  const Shape local = shard_shape(spec, shard_count);
  ShardGeometry g;
  g.block = 1;
  for (int d = split_dim(spec); d < local.dims(); ++d) g.block *= local[d];
  g.global_block = g.block * shard_count;
  g.shard_offset = shard * g.block;
  g.shard_elements = local.count();
  g.true_count = spec.shape.count();
  return g;
}

std::int64_t ShardGeometry::true_elements() const {
  const std::int64_t whole = true_count / global_block;  // blocks without padding
  return whole * block + std::clamp<std::int64_t>(true_count % global_block - shard_offset, 0, block);
}

std::int64_t global_index(const ParamSpec& spec, int shard, int shard_count, std::int64_t i) {
  const ShardGeometry g = shard_geometry(spec, shard, shard_count);
  ENSURE(i >= 0 && i < g.shard_elements, spec.name, ": element ", i, " of a shard of ", g.shard_elements);
  const std::int64_t index = g.padded_index(i);
  return index < g.true_count ? index : -1;
}

std::vector<GlobalRun> global_runs(const ParamSpec& spec, int shard, int shard_count, std::int64_t begin,
                                   std::int64_t count) {
  const ShardGeometry g = shard_geometry(spec, shard, shard_count);
  ENSURE(begin >= 0 && count >= 0 && begin + count <= g.shard_elements, spec.name, ": elements [", begin, ", ",
         begin + count, ") of a shard of ", g.shard_elements);
  std::vector<GlobalRun> runs;
  const auto append = [&runs](std::int64_t shard_begin, std::int64_t global_begin, std::int64_t n) {
    if (n <= 0) return;
    if (!runs.empty()) {
      GlobalRun& last = runs.back();
      const bool both_padding = last.global_begin < 0 && global_begin < 0;
      const bool adjacent = last.global_begin >= 0 && last.global_begin + last.count == global_begin;
      if (both_padding || adjacent) {
        last.count += n;
        return;
      }
    }
    runs.push_back({shard_begin, global_begin, n});
  };
  for (std::int64_t i = begin; i < begin + count;) {
    const std::int64_t n = std::min(begin + count - i, g.block - i % g.block);
    const std::int64_t global = g.padded_index(i);
    const std::int64_t real = std::clamp<std::int64_t>(g.true_count - global, 0, n);
    append(i, global, real);
    append(i + real, -1, n - real);
    i += n;
  }
  return runs;
}

}  // namespace phalanx
