// OptimizerState: fp32 masters and moments of what this rank owns, and the AdamW update over it.
#pragma once

#include <cstdint>
#include <vector>

#include "core/arena.h"
#include "model/ops/exec.h"
#include "model/parameters.h"
#include "parallel/param_layout.h"

namespace phalanx {

// Constants of an update that do not change from step to step.
struct AdamwOptions {
  float beta1 = 0.9F, beta2 = 0.95F, epsilon = 1e-8F, weight_decay = 0.1F;
};

class OptimizerState {
 public:
  // Of the part-th part of every bucket: masters, then moments if `training`. In fp32 with one part per bucket the
  // weights are the masters. `layout` and `parameters` must outlive this.
  OptimizerState(const ParamLayout& layout, const Parameters& parameters, int part, int tensor_rank, bool training,
                 Arena& arena);

  [[nodiscard]] const std::vector<OwnedPiece>& pieces() const { return pieces_; }
  [[nodiscard]] const Tensor& master() const { return master_; }  // (own_count) fp32
  [[nodiscard]] const Tensor& m() const { return m_; }            // (own_count) fp32
  [[nodiscard]] const Tensor& v() const { return v_; }            // (own_count) fp32

  // Masters of this rank's pieces from (seed, name's place in the table, global index): equal for every layout.
  void fill_initial_values(std::uint64_t seed) const;
  // Updates masters and the own part of the weights. t counts updates from 1; gradients are multiplied by grad_scale.
  void update(const ops::Exec& exec, const AdamwOptions& options, float learning_rate, float grad_scale,
              std::int64_t t) const;
  // Own part of the weights <- masters rounded to the compute dtype.
  void round_masters(const ops::Exec& exec) const;

 private:
  const ParamLayout& layout_;
  const Parameters& parameters_;
  std::vector<OwnedPiece> pieces_;
  bool shared_;
  Tensor master_, m_, v_;
};

}  // namespace phalanx
