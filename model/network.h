// Network: what the trainer needs of any model family. One file pair per family implements it.
#pragma once

#include <memory>

#include "core/batch.h"
#include "model/context.h"
#include "model/loss_sums.h"
#include "model/network_options.h"

namespace phalanx {

class Network {
 public:
  virtual ~Network() = default;
  Network() = default;
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  [[nodiscard]] virtual const ParamBuilder& parameters() const = 0;

  // Forward and backward of one micro-batch: adds to the gradients (those of matrices may be overwritten:
  // Context::matrix_gradients), and to `sums` (kLossSums) fp64, which are not scaled. Takes activations from
  // ctx.activations and gives them back.
  virtual void forward_backward(const Context& ctx, const Batch& batch, const LossScale& scale,
                                const Tensor& sums) const = 0;
  // Forward alone, dropout off: adds to `sums`.
  virtual void forward_loss(const Context& ctx, const Batch& batch, const Tensor& sums) const = 0;

  // Floating-point operations of the matrix products of one training token (forward and backward, multiply and add
  // counted separately) in sequences of this shape (B counts for nothing); attention counts what a causal mask leaves.
  [[nodiscard]] virtual double flops_per_token(const BatchShape& shape) const = 0;
};

// The network of options.family; throws UsageError naming model.family when there is none.
std::unique_ptr<Network> make_network(const NetworkOptions& options);

}  // namespace phalanx
