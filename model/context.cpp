#include "model/context.h"

namespace phalanx {

void Context::copy(const Tensor& to, const Tensor& from) const {
  if (!exec.planning()) phalanx::copy(to, from, exec.stream);
}

Tensor Context::sum_over_shards(const Tensor& partials) const {
  const Tensor sum = partials[0];
  if (!exec.planning()) tensor->sum_partials(sum, partials, exec.stream);
  return sum;
}

ops::Dropout Context::dropout(double rate, Purpose purpose, int layer) const {
  if (!training || rate == 0.0) return {};
  return {static_cast<float>(rate), seed, purpose, static_cast<std::uint16_t>(layer), sequences};
}

void Context::ready(int spec) const {
  if (reducer == nullptr || exec.planning()) return;
  enter(Phase::reduce);
  reducer->ready(spec, exec.stream);
  enter(Phase::backward);
}

}  // namespace phalanx
