// ParamLayout: parameter table -> flat buffers. Where each local tensor lies, how the flat range is cut into buckets,
// and how each bucket is cut into parts of one owner. Pure arithmetic: no memory, no communication.
//
// The flat order is the reverse of the table (the order in which backward completes gradients). A bucket is a run of
// whole tensors, padded so that its size divides by parts x 64 elements. With a sharded optimizer there are as many
// parts as data ranks and data rank r owns the r-th part of every bucket; without, there is one part, which all of them
// hold. A local tensor is stored shard by shard: (shards.count, shard shape...), each shard contiguous.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/param_spec.h"
#include "core/tensor.h"
#include "parallel/grid.h"

namespace phalanx {

struct LocalParam {
  int spec = 0;             // index in the table
  Shape shard;              // shape of one shard (vocabulary padded)
  int shards = 1;           // how many shards this rank stores (1 for Split::none)
  std::int64_t offset = 0;  // first element in the flat buffer
  std::int64_t count = 0;   // shards * shard.count()
  int bucket = 0;
};

struct Bucket {
  std::int64_t offset = 0;  // first element in the flat buffer
  std::int64_t count = 0;   // padded; divisible by parts * 64
  std::vector<int> params;  // specs in the bucket, in flat order
};

// A piece of one shard of one parameter that this rank owns for optimizer and checkpoint.
struct OwnedPiece {
  int spec = 0;
  int shard = 0;           // global virtual shard index (0 for Split::none)
  int shard_count = 1;     // global number of shards (1 for Split::none)
  std::int64_t begin = 0;  // first element within the (padded) shard, row-major
  std::int64_t count = 0;
  std::int64_t flat_offset = 0;  // where it lies in the flat parameter and gradient buffers
  std::int64_t own_offset = 0;   // where it lies in this rank's own part (masters, moments)
  bool primary = true;           // false on all but one tensor rank for Split::none: count and save it once
};

class ParamLayout {
 public:
  // `parts`: per bucket. bucket_elements: target size of a bucket.
  ParamLayout(const ParamTable& table, TensorShards shards, int parts, std::int64_t bucket_elements);

  [[nodiscard]] const ParamTable& table() const { return table_; }
  [[nodiscard]] const TensorShards& shards() const { return shards_; }
  [[nodiscard]] int parts() const { return parts_; }                     // per bucket
  [[nodiscard]] std::int64_t flat_count() const { return flat_count_; }  // elements, padding included
  [[nodiscard]] std::int64_t own_count() const { return flat_count_ / parts_; }
  [[nodiscard]] const std::vector<Bucket>& buckets() const { return buckets_; }  // in flat order
  [[nodiscard]] const LocalParam& param(int spec) const { return params_[static_cast<std::size_t>(spec)]; }
  [[nodiscard]] int find(const std::string& name) const;  // for tests: spec index; throws when unknown

  // Local tensor of a parameter inside a flat buffer (flat_count): shape (shards, shard...).
  [[nodiscard]] Tensor tensor(const Tensor& flat, int spec) const;
  // The part-th part of a bucket, as a view of the flat buffer.
  [[nodiscard]] Tensor owned_part(const Tensor& flat, const Bucket& bucket, int part) const;
  // Own parts are stored one after the other in bucket order: (own_count).
  [[nodiscard]] std::int64_t own_offset(const Bucket& bucket) const { return bucket.offset / parts_; }

  // What the owner of the part-th parts on tensor rank `tensor_rank` owns, in own order; padding between pieces is left
  // out.
  [[nodiscard]] std::vector<OwnedPiece> owned_pieces(int part, int tensor_rank) const;

 private:
  ParamTable table_;
  TensorShards shards_;
  int parts_;
  std::int64_t flat_count_ = 0;
  std::vector<LocalParam> params_;  // by spec index
  std::vector<Bucket> buckets_;
};

}  // namespace phalanx
