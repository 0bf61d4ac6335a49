#include "parallel/tensor_region.h"

namespace phalanx {

TensorRegion::TensorRegion(Communicator& tensor, TensorShards shards) : comm_(tensor), shards_(shards) {
  const int ranks = tensor.size();
  ENSURE(shards.count >= 1 && shards.total == ranks * shards.count && shards.begin == tensor.rank() * shards.count,
         "tensor rank ", tensor.rank(), " of ", ranks, " holds shards [", shards.begin, ", ",
         shards.begin + shards.count, ") of ", shards.total, "; every rank must hold the same number, in rank order");
  const bool power_of_two = (ranks & (ranks - 1)) == 0;
  ENSURE(shards.count == 1 || power_of_two, "run.tensor_shards (", shards.total, ") over parallel.tensor (", ranks,
         ") ranks: several shards per rank need a power of two ranks, so that every rank holds a whole subtree");
}

void TensorRegion::sum_partials(const Tensor& out, const Tensor& partials, const Stream& stream) const {
  ENSURE(partials.shape.dims() >= 1 && partials.size(0) == shards_.count, "partials ", to_string(partials.shape),
         " of a rank with ", shards_.count, " shards");
  comm_.sum_tree(out, partials, stream);
}

void TensorRegion::gather_parts(const Tensor& out, const Tensor& parts, const Stream& stream) const {
  ENSURE(parts.shape.dims() >= 1 && parts.size(0) == shards_.count, "parts ", to_string(parts.shape),
         " of a rank with ", shards_.count, " shards");
  ENSURE(out.shape.dims() == parts.shape.dims() && out.size(0) == shards_.total, "all parts ", to_string(out.shape),
         " of ", shards_.total, " shards");
  comm_.all_gather(out, parts, stream);
}

}  // namespace phalanx
