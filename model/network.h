// Network: what the trainer needs of any model family. One file pair per family implements it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "core/batch.h"
#include "model/context.h"
#include "model/ops/gelu.h"
#include "model/recompute.h"

namespace phalanx {

// Shape of a network; the trainer fills it from the configuration.
struct NetworkOptions {
  std::string family = "gpt";                              // gpt | bert | modern_encoder
  std::int64_t L = 0, C = 0, NH = 0, F = 0, T = 0, V = 0;  // T: longest context
  double dropout = 0.0, attention_dropout = 0.0;
  ops::Gelu activation = ops::Gelu::tanh;
  float init_std = 0.02F;
  Recompute recompute = Recompute::none;
  double norm_epsilon = 1e-5;
  std::int64_t token_types = 0;  // rows of the token type table; 0: there is none
  bool next_sentence = false;    // pooler and next-sentence head
  // Of modern_encoder alone:
  std::int64_t local_attention = 128;  // width of a local layer's window: keys up to half of it on either side
  std::int64_t global_every = 3;       // layers 0, 3, 6 ... see their whole document
  double rope_theta = 160000.0;        // of global layers
  double local_rope_theta = 10000.0;
};

// One factor per term of the loss, known before the first backward of a step. A term with nothing to predict has the
// factor 0.
struct LossScale {
  double tokens = 1.0;     // 1 / predicted tokens of the global batch, times the loss scale
  double sentences = 0.0;  // 1 / predicted sentence pairs of the global batch, times the loss scale
};

// What a network adds up over the sequences it is given: indices into its `sums`.
enum LossSum : std::uint8_t {
  kTokenLoss,         // of -log p of the targets
  kSentenceLoss,      // of -log p of the next-sentence labels
  kCorrectTokens,     // targets that have the largest logit of their row
  kCorrectSentences,  // likewise labels
  kLossSums           // how many there are
};
using LossSums = std::array<double, kLossSums>;

class Network {
 public:
  virtual ~Network() = default;
  Network() = default;
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  [[nodiscard]] virtual const ParamBuilder& parameters() const = 0;

  // Forward and backward of one micro-batch: adds to the gradients (those of matrices may be
  // overwritten: Context::matrix_gradients), and to `sums` (kLossSums) fp64, which are not scaled. Takes activations
  // from ctx.activations and gives them back.
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
