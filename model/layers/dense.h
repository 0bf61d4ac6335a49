// Dense: a linear layer that every rank holds whole, y = x Wᵀ + b. For what is too small, or sees too few rows, to be
// cut over tensor shards.
#pragma once

#include <cstdint>
#include <string>

#include "model/context.h"

namespace phalanx {

class Dense {
 public:
  struct Options {
    std::string prefix;  // "pooler."
    std::int64_t IC = 0, OC = 0;
    float init_std = 0.02F;
    bool bias = true;
  };
  Dense(ParamBuilder& builder, const Options& options);

  // x (N, IC) -> (N, OC)
  [[nodiscard]] Tensor forward(const Context& ctx, const Tensor& x) const;
  // dy (N, OC), x (N, IC) -> dx (N, IC); writes dW and adds db
  [[nodiscard]] Tensor backward(const Context& ctx, const Tensor& dy, const Tensor& x) const;

 private:
  int weight_;
  int bias_;  // -1: none
};

}  // namespace phalanx
