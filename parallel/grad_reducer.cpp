#include "parallel/grad_reducer.h"

#include <algorithm>
#include <string>

namespace phalanx {
namespace {

// At most this many names in a message.
constexpr std::size_t kNamesShown = 8;

}  // namespace

GradReducer::GradReducer(const ParamLayout& layout, Communicator& data, Tensor gradients, bool sharded)
    : layout_(layout),
      data_(data),
      gradients_(gradients.flat()),
      sharded_(sharded),
      arrived_(layout.table().size(), false),
      pending_(layout.buckets().size(), 0) {
  ENSURE(gradients.dtype == DType::f32 && gradients.count() == layout.flat_count(), "gradients ",
         to_string(gradients.shape), " ", name_of(gradients.dtype), " of a layout of ", layout.flat_count(),
         " fp32 elements");
  ENSURE(!sharded || layout.parts() == data.size(), "a layout with ", layout.parts(), " parts per bucket over ",
         data.size(), " data ranks");
}

void GradReducer::begin_last_backward() {
  ENSURE(!last_, "the last backward of the step has begun already");
  last_ = true;
  std::fill(arrived_.begin(), arrived_.end(), false);
  for (std::size_t b = 0; b < pending_.size(); ++b) pending_[b] = static_cast<int>(layout_.buckets()[b].params.size());
}

void GradReducer::ready(int spec, const Stream& stream) {
  ENSURE(spec >= 0 && spec < static_cast<int>(arrived_.size()), "parameter ", spec, " of ", arrived_.size());
  if (!last_) return;
  const auto index = static_cast<std::size_t>(spec);
  ENSURE(!arrived_[index], "the gradient of ", layout_.table()[index].name, " arrived twice in one backward");
  arrived_[index] = true;
  const auto bucket = static_cast<std::size_t>(layout_.param(spec).bucket);
  if (--pending_[bucket] == 0) reduce(layout_.buckets()[bucket], stream);
}

void GradReducer::finish() {
  ENSURE(last_, "finish without begin_last_backward");
  last_ = false;
  std::string missing;
  std::size_t count = 0;
  for (std::size_t i = 0; i < arrived_.size(); ++i) {
    if (arrived_[i] || ++count > kNamesShown) continue;
    missing += str(missing.empty() ? "" : ", ", layout_.table()[i].name);
  }
  if (count > kNamesShown) missing += str(" and ", count - kNamesShown, " more");
  ENSURE(count == 0, "no gradient arrived for ", missing);
}

void GradReducer::reduce(const Bucket& bucket, const Stream& stream) {
  if (data_.size() == 1) return;
  const Tensor all = gradients_.slice(bucket.offset, bucket.count);
  if (sharded_) {
    data_.reduce_scatter(layout_.owned_part(gradients_, bucket, data_.rank()), all, stream);
  } else {
    data_.all_reduce(all, Reduce::sum, stream);
  }
}

}  // namespace phalanx
