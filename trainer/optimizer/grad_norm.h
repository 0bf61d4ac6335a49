// Global gradient norm over the reduced fp32 gradients: each logical parameter once, whatever rank holds it.
#pragma once

#include <vector>

#include "core/arena.h"
#include "model/ops/exec.h"
#include "trainer/optimizer/optimizer_state.h"

namespace phalanx {

// Gradients are reported in groups: group 0 is outside of the layers, group l + 1 is layer l.
std::size_t norm_group(const ParamSpec& spec);
std::size_t norm_groups(const ParamTable& table);

class GradNorm {
 public:
  // counts: this rank's pieces count (false where another data rank has the same ones). `layout` and `state` must
  // outlive this.
  GradNorm(const ParamLayout& layout, const OptimizerState& state, bool counts, Arena& arena);

  // Sums of squares of this rank's share, per group. The caller adds them over all ranks.
  [[nodiscard]] std::vector<double> local_sums(const ops::Exec& exec, const Tensor& flat_gradients) const;
  // Smallest spec index of this rank's share whose gradient is not finite; table size when all are.
  [[nodiscard]] int first_not_finite(const ops::Exec& exec, const Tensor& flat_gradients) const;

 private:
  const ParamLayout& layout_;
  const OptimizerState& state_;
  bool counts_;
  std::size_t groups_;
  void fill_sums(const ops::Exec& exec, const Tensor& flat_gradients) const;

  Tensor sums_;  // (pieces) fp64
};

// min(1, clip / (norm + 1e-6)); 1 when clip is 0.
double clip_factor(double norm, double clip);

}  // namespace phalanx
