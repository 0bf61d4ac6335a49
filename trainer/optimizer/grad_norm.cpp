#include "trainer/optimizer/grad_norm.h"

#include <algorithm>
#include <cmath>

#include "core/device.h"
#include "model/ops/flat.h"

namespace phalanx {

std::size_t norm_group(const ParamSpec& spec) { return static_cast<std::size_t>(spec.layer + 1); }

std::size_t norm_groups(const ParamTable& table) {
  std::size_t groups = 1;
  for (const ParamSpec& spec : table) groups = std::max(groups, norm_group(spec) + 1);
  return groups;
}

GradNorm::GradNorm(const ParamLayout& layout, const OptimizerState& state, bool counts, Arena& arena)
    : layout_(layout), state_(state), counts_(counts), groups_(norm_groups(layout.table())) {
  sums_ = arena.take({std::max<std::int64_t>(1, static_cast<std::int64_t>(state.pieces().size()))}, DType::f64);
}

void GradNorm::fill_sums(const ops::Exec& exec, const Tensor& flat_gradients) const {
  const auto& pieces = state_.pieces();
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    ops::sum_of_squares(exec, sums_.slice(static_cast<std::int64_t>(i), 1),
                        flat_gradients.slice(pieces[i].flat_offset, pieces[i].count));
  }
}

std::vector<double> GradNorm::local_sums(const ops::Exec& exec, const Tensor& flat_gradients) const {
  fill_sums(exec, flat_gradients);
  std::vector<double> groups(groups_, 0.0);
  const auto& pieces = state_.pieces();
  const std::vector<double> sums = to_host<double>(sums_, exec.stream);
  for (std::size_t i = 0; counts_ && i < pieces.size(); ++i) {
    if (!pieces[i].primary) continue;
    groups[norm_group(layout_.table()[static_cast<std::size_t>(pieces[i].spec)])] += sums[i];
  }
  return groups;
}

int GradNorm::first_not_finite(const ops::Exec& exec, const Tensor& flat_gradients) const {
  fill_sums(exec, flat_gradients);
  auto first = static_cast<int>(layout_.table().size());
  const std::vector<double> sums = to_host<double>(sums_, exec.stream);
  for (std::size_t i = 0; i < state_.pieces().size(); ++i) {
    if (!std::isfinite(sums[i])) first = std::min(first, state_.pieces()[i].spec);
  }
  return first;
}

double clip_factor(double norm, double clip) { return clip > 0.0 ? std::min(1.0, clip / (norm + 1e-6)) : 1.0; }

}  // namespace phalanx
