// Mlp: y = gelu(x W1ᵀ + b1) W2ᵀ, W1 (F, C) column-parallel, W2 (C, F) row-parallel; the bias b2 is left to the next
// norm. Gated (GeGLU): y = (gelu(x W1aᵀ) * (x W1bᵀ)) W2ᵀ, W1 (2, F, C), without biases.
#pragma once

#include <cstdint>
#include <string>

#include "model/layers/linear.h"
#include "model/ops/gelu.h"

namespace phalanx {

struct MlpOptions {
  std::string prefix;  // "layers.3.mlp."
  int layer = 0;
  std::int64_t C = 0;
  std::int64_t F = 0;
  float init_std = 0.02F;
  float output_init_std = 0.02F;
  ops::Gelu activation = ops::Gelu::tanh;
  bool biases = true;
  bool gated = false;
};

class Mlp {
 public:
  Mlp(ParamBuilder& builder, const MlpOptions& options);

  struct Saved {
    Tensor h;  // (S, N, F_s), gated (S, N, 2 F_s), before the activation; gated: backward overwrites it
    Tensor a;  // (S, N, F_s) after it; undefined: backward computes it again
  };
  // x (N, C) -> (N, C) without b2. Takes saved.a where it is undefined.
  Tensor forward(const Context& ctx, const Tensor& x, Saved& saved) const;
  // forward up to the activation's input: what recomputation needs.
  void forward_saved(const Context& ctx, const Tensor& x, Saved& saved) const;
  // dy (N, C) -> dx (N, C)
  Tensor backward(const Context& ctx, const Tensor& dy, const Tensor& x, const Saved& saved) const;

  [[nodiscard]] int output_bias() const { return down_.bias(); }  // -1: none

 private:
  [[nodiscard]] Tensor take_activation(const Context& ctx, const Tensor& h) const;
  void activate(const Context& ctx, const Tensor& a, const Tensor& h) const;
  Tensor gated_backward(const Context& ctx, const Tensor& da, const Tensor& x, const Saved& saved) const;

  MlpOptions options_;
  ColumnLinear up_;
  RowLinear down_;
};

}  // namespace phalanx
