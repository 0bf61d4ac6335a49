#include "model/parameters.h"

namespace phalanx {
namespace {

Tensor as_matrix(const Tensor& shard) {
  const std::int64_t IC = shard.size(shard.shape.dims() - 1);
  return shard.view({shard.count() / IC, IC});
}

}  // namespace

int ParamBuilder::add(ParamSpec spec) {
  table.push_back(std::move(spec));
  return static_cast<int>(table.size()) - 1;
}

int ParamBuilder::add_matrix(ParamSpec spec) {
  const int index = add(std::move(spec));
  matrices.push_back(index);
  return index;
}

Parameters::Parameters(const ParamLayout& layout, const std::vector<int>& matrices, DType dtype, const ops::Exec& exec,
                       Arena& weights, Arena* gradients)
    : layout_(layout), dtype_(dtype), matrices_(layout.table().size()) {
  flat_weights_ = weights.take({layout.flat_count()}, dtype);
  if (gradients != nullptr) flat_gradients_ = gradients->take({layout.flat_count()}, DType::f32);
  for (const int spec : matrices) {
    for (int s = 0; s < layout.param(spec).shards; ++s) {
      ops::LinearWeight w{as_matrix(weight(spec, s)), {}, {}};
      const std::int64_t OC = w.plain.size(0);
      const std::int64_t IC = w.plain.size(1);
      const std::int64_t forward = ops::packed_forward_bytes(exec, OC, IC, dtype);
      const std::int64_t backward = ops::packed_backward_bytes(exec, OC, IC, dtype);
      if (forward > 0) w.packed_forward = weights.take({forward}, DType::u8);
      if (backward > 0 && gradients != nullptr) w.packed_backward = weights.take({backward}, DType::u8);
      matrices_[static_cast<std::size_t>(spec)].push_back(w);
    }
  }
}

const ops::LinearWeight& Parameters::matrix(int spec, int s) const {
  const auto& shards = matrices_[static_cast<std::size_t>(spec)];
  ENSURE(s >= 0 && s < static_cast<int>(shards.size()), layout_.table()[static_cast<std::size_t>(spec)].name,
         " has no matrix shard ", s);
  return shards[static_cast<std::size_t>(s)];
}

void Parameters::clear_gradients() const {
  for (std::size_t spec = 0; spec < matrices_.size(); ++spec) {
    if (matrices_[spec].empty()) fill_zero(layout_.tensor(flat_gradients_, static_cast<int>(spec)), {});
  }
}

void Parameters::pack(const ops::Exec& exec) const {
  for (const auto& shards : matrices_) {
    for (const ops::LinearWeight& w : shards) ops::pack_weight(exec, w);
  }
}

}  // namespace phalanx
