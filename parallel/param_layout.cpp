// Flat offsets, buckets and owners of a parameter table. Where an element of a shard lies in the global tensor is
// parallel/shard_index.cpp.
#include "parallel/param_layout.h"

#include <algorithm>
#include <unordered_set>

namespace phalanx {
namespace {

// Tensors start at multiples of this many elements: 256 bytes in fp32, 128 in bf16. Part sizes are multiples of it.
constexpr std::int64_t kAlignment = 64;

constexpr std::int64_t round_up(std::int64_t count, std::int64_t unit) { return (count + unit - 1) / unit * unit; }

LocalParam place(const ParamSpec& spec, int index, const TensorShards& shards) {
  const bool split = spec.split != Split::none;
  LocalParam local;
  local.spec = index;
  local.shard = shard_shape(spec, split ? shards.total : 1);
  local.shards = split ? shards.count : 1;
  local.count = local.shards * local.shard.count();
  ENSURE(local.count > 0, "parameter ", spec.name, " ", to_string(spec.shape), " has no elements");
  return local;
}

// What of local shard `s` lies in the flat range [part_begin, part_begin + part); count 0: nothing.
OwnedPiece cut(const LocalParam& local, int s, std::int64_t part_begin, std::int64_t part) {
  const std::int64_t shard_begin = local.offset + s * local.shard.count();
  const std::int64_t begin = std::max(shard_begin, part_begin);
  const std::int64_t end = std::min(shard_begin + local.shard.count(), part_begin + part);
  OwnedPiece piece;
  piece.spec = local.spec;
  piece.begin = begin - shard_begin;
  piece.count = std::max<std::int64_t>(end - begin, 0);
  piece.flat_offset = begin;
  return piece;
}

void check_table(const ParamTable& table) {
  std::unordered_set<std::string> names;
  for (const ParamSpec& spec : table) {
    ENSURE(names.insert(spec.name).second, "two parameters are named ", spec.name);
  }
}

}  // namespace

ParamLayout::ParamLayout(const ParamTable& table, TensorShards shards, int parts, std::int64_t bucket_elements)
    : table_(table), shards_(shards), parts_(parts), params_(table.size()) {
  ENSURE(parts >= 1, "a layout cuts buckets into at least 1 part, found ", parts);
  ENSURE(bucket_elements >= 1, "a bucket holds at least 1 element (parallel.bucket_mb), found ", bucket_elements);
  ENSURE(shards.count >= 1 && shards.begin >= 0 && shards.begin + shards.count <= shards.total, "tensor shards [",
         shards.begin, ", ", shards.begin + shards.count, ") of ", shards.total);
  check_table(table);

  const auto close_bucket = [&] {
    if (buckets_.empty()) return;
    Bucket& bucket = buckets_.back();
    bucket.count = round_up(flat_count_ - bucket.offset, parts * kAlignment);
    flat_count_ = bucket.offset + bucket.count;
  };
  for (int index = static_cast<int>(table.size()) - 1; index >= 0; --index) {
    LocalParam local = place(table[static_cast<std::size_t>(index)], index, shards);
    if (buckets_.empty() || flat_count_ + local.count - buckets_.back().offset > bucket_elements) {
      close_bucket();
      buckets_.push_back({flat_count_, 0, {}});
    }
    local.offset = flat_count_;
    local.bucket = static_cast<int>(buckets_.size()) - 1;
    buckets_.back().params.push_back(index);
    flat_count_ += round_up(local.count, kAlignment);
    params_[static_cast<std::size_t>(index)] = local;
  }
  close_bucket();
}

int ParamLayout::find(const std::string& name) const {
  const auto found = std::find_if(table_.begin(), table_.end(), [&](const ParamSpec& s) { return s.name == name; });
  ENSURE(found != table_.end(), "no parameter is named ", name);
  return static_cast<int>(found - table_.begin());
}

Tensor ParamLayout::tensor(const Tensor& flat, int spec) const {
  ENSURE(flat.count() == flat_count_, "flat buffer ", to_string(flat.shape), " of a layout of ", flat_count_);
  const LocalParam& local = param(spec);
  Shape shape{local.shards};
  for (int d = 0; d < local.shard.dims(); ++d) shape.append(local.shard[d]);
  return flat.flat().slice(local.offset, local.count).view(shape);
}

Tensor ParamLayout::owned_part(const Tensor& flat, const Bucket& bucket, int part) const {
  ENSURE(flat.count() == flat_count_, "flat buffer ", to_string(flat.shape), " of a layout of ", flat_count_);
  ENSURE(part >= 0 && part < parts_, "part ", part, " of ", parts_);
  const std::int64_t count = bucket.count / parts_;
  return flat.flat().slice(bucket.offset + part * count, count);
}

std::vector<OwnedPiece> ParamLayout::owned_pieces(int part, int tensor_rank) const {
  ENSURE(part >= 0 && part < parts_, "part ", part, " of ", parts_);
  ENSURE(tensor_rank >= 0 && (tensor_rank + 1) * shards_.count <= shards_.total, "tensor rank ", tensor_rank, " of ",
         shards_.total / shards_.count);
  std::vector<OwnedPiece> pieces;
  for (const Bucket& bucket : buckets_) {
    const std::int64_t part_count = bucket.count / parts_;
    const std::int64_t part_begin = bucket.offset + part * part_count;
    for (const int spec : bucket.params) {
      const LocalParam& local = param(spec);
      const bool split = table_[static_cast<std::size_t>(spec)].split != Split::none;
      for (int s = 0; s < local.shards; ++s) {
        OwnedPiece piece = cut(local, s, part_begin, part_count);
        if (piece.count == 0) continue;
        piece.shard = split ? tensor_rank * shards_.count + s : 0;
        piece.shard_count = split ? shards_.total : 1;
        piece.own_offset = own_offset(bucket) + (piece.flat_offset - part_begin);
        piece.primary = split || tensor_rank == 0;
        pieces.push_back(piece);
      }
    }
  }
  return pieces;
}

}  // namespace phalanx
