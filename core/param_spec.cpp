#include "core/param_spec.h"

namespace phalanx {

Shape shard_shape(const ParamSpec& spec, std::int64_t shards) {
  Shape shape = spec.shape;
  if (spec.vocabulary) shape.set(0, padded_vocabulary(shape[0], shards));
  if (spec.split == Split::none) return shape;
  int dim = 0;
  if (spec.split == Split::columns) dim = shape.dims() - 1;
  if (spec.split == Split::heads) dim = 1;
  ENSURE(shape[dim] % shards == 0, spec.name, " ", to_string(spec.shape), ": dim ", dim, " must be divisible by ",
         shards, " tensor-parallel shards (parallel.tensor)");
  shape.set(dim, shape[dim] / shards);
  return shape;
}

std::int64_t parameter_count(const ParamTable& table) {
  std::int64_t count = 0;
  for (const ParamSpec& spec : table) count += spec.shape.count();
  return count;
}

}  // namespace phalanx
