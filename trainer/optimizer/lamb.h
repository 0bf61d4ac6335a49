// LAMB (You et al., "Large batch optimization for deep learning: training BERT in 76 minutes", arXiv 1904.00962) as
// NVIDIA trains BERT with it: the gradient is clipped by its global norm, moments are bias-corrected, and every tensor
// moves by its own share of its own size:
//   u = m_hat / (sqrt(v_hat) + epsilon) + weight_decay w;   w = w - rate r u;   r = |w| / |u|, 1 where either is 0
// Tensors that do not decay (biases, norms) have r = 1. Matrices that are stored as one, heads first (queries, keys and
// values; gate and up), are tensors of their own.
//
// |w| and |u| are of the whole global tensor, whoever holds its pieces: sums of squares are exact (ops/exact_sum.h), so
// r has the same bits for every layout that gives the same w and u.
#pragma once

#include <cstdint>
#include <vector>

#include "core/arena.h"
#include "model/ops/exec.h"
#include "parallel/communicator.h"
#include "trainer/optimizer/optimizer_state.h"

namespace phalanx {

class Lamb {
 public:
  // counts: this rank's pieces count (false where another data rank has the same ones). All three must outlive this.
  Lamb(const ParamLayout& layout, const Parameters& parameters, const OptimizerState& state, bool counts, Arena& arena);

  // Updates masters and the own part of the weights; the flat gradients become the directions u. t counts updates from
  // 1; gradients are multiplied by grad_scale. Collective over `world`, which holds every piece. Throws AgreedError
  // when a direction is not finite; no weight has moved then.
  void update(const ops::Exec& exec, const AdamwOptions& options, double learning_rate, float grad_scale,
              std::int64_t t, Communicator& world) const;

 private:
  // A stretch of one piece inside one tensor.
  struct Stretch {
    std::int64_t flat_offset = 0, own_offset = 0, count = 0;
    bool decays = false;
    bool counts = false;
    std::size_t tensor = 0;  // index of its norms, where it decays
  };
  void add_stretches(const OwnedPiece& piece, const ParamLayout& layout, std::size_t first_tensor, bool counts);
  void find_directions(const ops::Exec& exec, const AdamwOptions& options, float grad_scale, std::int64_t t) const;
  // (tensors, 2): |w| and |u|. Collective.
  [[nodiscard]] std::vector<double> norms(const ops::Exec& exec, Communicator& world) const;
  // (tensors, 2): bits of the largest magnitude. Collective.
  [[nodiscard]] std::vector<std::int64_t> largest(const ops::Exec& exec, Communicator& world) const;
  // (tensors, 2, kSquareLimbs): exact sums of squares, in units that `largest` sets. Collective.
  [[nodiscard]] std::vector<std::int64_t> squares(const ops::Exec& exec, const std::vector<std::int64_t>& largest,
                                                  Communicator& world) const;
  [[nodiscard]] Tensor master(const Stretch& s) const { return state_.master().slice(s.own_offset, s.count); }
  [[nodiscard]] Tensor direction(const Stretch& s) const {
    return parameters_.flat_gradients().slice(s.flat_offset, s.count);
  }

  const Parameters& parameters_;
  const OptimizerState& state_;
  std::vector<Stretch> stretches_;
  std::vector<Stretch> summed_;  // those that decay and count
  std::size_t tensors_ = 0;      // that decay
  Tensor scratch_;               // (summed, 2, kSquareLimbs) int64
};

}  // namespace phalanx
