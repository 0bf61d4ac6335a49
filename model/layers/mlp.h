// Mlp: y = gelu(x W1ᵀ + b1) W2ᵀ, W1 (F, C) column-parallel, W2 (C, F) row-parallel; the bias b2 is left to the next
// norm.
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
};

class Mlp {
 public:
  Mlp(ParamBuilder& builder, const MlpOptions& options);

  struct Saved {
    Tensor h;  // (S, N, F_s) before the activation
    Tensor a;  // (S, N, F_s) after it; undefined: backward computes it again
  };
  // x (N, C) -> (N, C) without b2. Takes saved.a where it is undefined.
  Tensor forward(const Context& ctx, const Tensor& x, Saved& saved) const;
  // forward up to the activation's input: what recomputation needs.
  void forward_saved(const Context& ctx, const Tensor& x, Saved& saved) const;
  // dy (N, C) -> dx (N, C)
  Tensor backward(const Context& ctx, const Tensor& dy, const Tensor& x, const Saved& saved) const;

  [[nodiscard]] int output_bias() const { return down_.bias(); }

 private:
  void activate(const Context& ctx, const Tensor& a, const Tensor& h) const;

  MlpOptions options_;
  ColumnLinear up_;
  RowLinear down_;
};

}  // namespace phalanx
