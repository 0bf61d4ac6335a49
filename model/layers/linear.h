// Linear layers cut over tensor shards (arXiv 1909.08053). A rank holds `S` shards; what is cut is stored shard by
// shard.
//
//   ColumnLinear  y_s = x W_sᵀ + b_s     W cut along its outputs: x whole, y in parts
//   RowLinear     y   = sum_s h_s W_sᵀ   W cut along its inputs: h in parts, y whole; the bias is left to the next norm
#pragma once

#include <cstdint>
#include <optional>

#include "model/context.h"

namespace phalanx {

class ColumnLinear {
 public:
  // weight: the whole table entry, cut by rows or heads; outputs of the bias likewise.
  ColumnLinear(ParamBuilder& builder, ParamSpec weight, std::optional<ParamSpec> bias);

  // x (N, IC) -> y (S, N, OC_s)
  [[nodiscard]] Tensor forward(const Context& ctx, const Tensor& x) const;
  // dy (S, N, OC_s), x (N, IC) -> dx (N, IC); writes dW and, unless the caller's op does it, adds db
  enum class Bias : std::uint8_t { here, elsewhere };
  [[nodiscard]] Tensor backward(const Context& ctx, const Tensor& dy, const Tensor& x, Bias bias) const;

  [[nodiscard]] int bias() const { return bias_; }  // -1: none

 private:
  int weight_;
  int bias_;
};

class RowLinear {
 public:
  RowLinear(ParamBuilder& builder, ParamSpec weight, std::optional<ParamSpec> bias);

  // h (S, N, IC_s) -> y (N, OC), without bias
  [[nodiscard]] Tensor forward(const Context& ctx, const Tensor& h) const;
  // dy (N, OC), h (S, N, IC_s) -> dh (S, N, IC_s); writes dW
  [[nodiscard]] Tensor backward(const Context& ctx, const Tensor& dy, const Tensor& h) const;

  [[nodiscard]] int bias() const { return bias_; }  // -1: none

 private:
  int weight_;
  int bias_;
};

}  // namespace phalanx
