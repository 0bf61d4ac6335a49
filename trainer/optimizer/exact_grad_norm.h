// Gradient norm whose bits do not depend on who owns which piece: exact sums of squares (model/ops/exact_sum.h).
#pragma once

#include <vector>

#include "core/arena.h"
#include "model/ops/exec.h"
#include "parallel/communicator.h"
#include "trainer/optimizer/grad_norm.h"

namespace phalanx {

class ExactGradNorm {
 public:
  // counts: this rank's pieces count (false where another data rank has the same ones). `layout` and `state` must
  // outlive this.
  ExactGradNorm(const ParamLayout& layout, const OptimizerState& state, bool counts, Arena& arena);

  // Sums of squares over all ranks of `world`, per group as GradNorm has them; NaN in all groups when a gradient is not
  // finite. Collective.
  [[nodiscard]] std::vector<double> sums(const ops::Exec& exec, const Tensor& flat_gradients,
                                         Communicator& world) const;

 private:
  [[nodiscard]] std::int64_t largest(const ops::Exec& exec, const Tensor& flat_gradients, Communicator& world) const;

  const ParamLayout& layout_;
  std::vector<OwnedPiece> pieces_;  // those that count
  std::size_t groups_;
  Tensor scratch_;  // (4) int64
};

}  // namespace phalanx
