// TensorRegion: the only place where layers talk to tensor peers (Megatron-LM, arXiv 1909.08053, figure 3).
//
//   forward                                   backward (its transpose)
//   copy    x -> x on every rank              sum over shards of dx
//   reduce  sum over shards of partial y      dy -> dy on every rank
//
// A rank may hold several virtual shards (see TensorShards): partial results come as (shards.count, ...) and are summed
// along one fixed binary tree over all `total` shards: a subtree inside the rank, the rest across ranks.
#pragma once

#include "core/device.h"
#include "core/tensor.h"
#include "parallel/communicator.h"
#include "parallel/grid.h"

namespace phalanx {

class TensorRegion {
 public:
  // `tensor` must outlive the region. Its functions are collective.
  TensorRegion(Communicator& tensor, TensorShards shards);

  [[nodiscard]] const TensorShards& shards() const { return shards_; }

  // Sums partials (shards.count, n...) over all shards of all ranks into out (n...). Serves the forward of `reduce`
  // and the backward of `copy`. `out` may be partials[0]; partials are overwritten. Nothing happens for one shard
  // except that out becomes partials[0].
  void sum_partials(const Tensor& out, const Tensor& partials, const Stream& stream) const;

  // out (total, n...) <- parts (shards.count, n...) of every rank in shard order. For softmax statistics over a
  // vocabulary.
  void gather_parts(const Tensor& out, const Tensor& parts, const Stream& stream) const;

 private:
  Communicator& comm_;
  TensorShards shards_;
};

}  // namespace phalanx
