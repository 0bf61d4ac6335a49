// GradReducer: sums flat gradients over the data axis, bucket by bucket, as backward completes them.
#pragma once

#include <vector>

#include "core/device.h"
#include "parallel/communicator.h"
#include "parallel/param_layout.h"

namespace phalanx {

class GradReducer {
 public:
  // `sharded`: each data rank receives only its own part of every bucket (reduce-scatter), else all of it (all-reduce).
  // gradients: flat fp32 (layout.flat_count()). `layout` and `data` must outlive the reducer.
  GradReducer(const ParamLayout& layout, Communicator& data, Tensor gradients, bool sharded);

  // Start of the last backward of a step: from here on ready() may communicate.
  void begin_last_backward();
  // The gradient of parameter `spec` is complete in this backward. In the last backward the bucket that it completes is
  // summed, and a gradient that arrives twice is an Error; in earlier ones nothing happens. Any order; the layout's
  // lets buckets be complete early.
  void ready(int spec, const Stream& stream);
  // Every bucket is reduced on return; throws naming the parameters whose gradient never arrived.
  void finish();

 private:
  void reduce(const Bucket& bucket, const Stream& stream);

  const ParamLayout& layout_;
  Communicator& data_;
  Tensor gradients_;
  bool sharded_;
  bool last_ = false;
  std::vector<bool> arrived_;
  std::vector<int> pending_;  // per bucket: gradients still to come
};

}  // namespace phalanx
