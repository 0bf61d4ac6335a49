// Parameters: the weights and gradients of one rank as flat buffers, and views of them by parameter. Layers register
// their parameters with a ParamBuilder, then look them up here.
#pragma once

#include <utility>
#include <vector>

#include "core/param_spec.h"
#include "model/ops/linear.h"
#include "parallel/param_layout.h"

namespace phalanx {

// Collects the table of a network while its layers are built.
struct ParamBuilder {
  ParamTable table;
  std::vector<int> matrices;  // specs that matrix products use: per shard W (OC, IC), IC the last dim of the shard

  int add(ParamSpec spec);         // -> spec index
  int add_matrix(ParamSpec spec);  // likewise, for a weight of linear layers
};

class Parameters {
 public:
  // Takes flat weights (compute dtype) and packed blobs from `weights`, and, when `gradients` is given, flat fp32
  // gradients from it (a network without them can only run forward). `layout` must outlive this.
  Parameters(const ParamLayout& layout, const std::vector<int>& matrices, DType dtype, const ops::Exec& exec,
             Arena& weights, Arena* gradients);

  [[nodiscard]] const ParamLayout& layout() const { return layout_; }
  [[nodiscard]] DType dtype() const { return dtype_; }
  [[nodiscard]] const Tensor& flat_weights() const { return flat_weights_; }      // (flat_count) compute dtype
  [[nodiscard]] const Tensor& flat_gradients() const { return flat_gradients_; }  // (flat_count) fp32

  // Shard 0 of a parameter, in the shape of the shard: what a replicated parameter is.
  [[nodiscard]] Tensor weight(int spec) const { return layout_.tensor(flat_weights_, spec)[0]; }
  [[nodiscard]] Tensor gradient(int spec) const { return layout_.tensor(flat_gradients_, spec)[0]; }
  // Local shard s.
  [[nodiscard]] Tensor weight(int spec, int s) const { return layout_.tensor(flat_weights_, spec)[s]; }
  [[nodiscard]] Tensor gradient(int spec, int s) const { return layout_.tensor(flat_gradients_, spec)[s]; }
  // Local shard s of a matrix as the products want it, plain (OC, IC).
  [[nodiscard]] const ops::LinearWeight& matrix(int spec, int s) const;

  // Before the first micro-batch of a sum: zeroes what layers add to. Gradients of matrices keep what they hold, for
  // that micro-batch overwrites them (Context::matrix_gradients).
  void clear_gradients() const;
  // The flat gradients become `other` (flat_count) fp32, and the other way round.
  void swap_gradients(Tensor& other) { std::swap(flat_gradients_, other); }

  // Packs all matrices again; call after every change of the weights.
  void pack(const ops::Exec& exec) const;

 private:
  const ParamLayout& layout_;
  DType dtype_;
  Tensor flat_weights_;
  Tensor flat_gradients_;
  std::vector<std::vector<ops::LinearWeight>> matrices_;  // by spec, then by local shard
};

}  // namespace phalanx
