// Token and position embedding, the vocabulary cut over tensor shards.
#pragma once

#include <cstdint>

#include "model/context.h"

namespace phalanx {

class Embedding {
 public:
  struct Options {
    std::int64_t V = 0, C = 0, T = 0;
    float init_std = 0.02F;
    double dropout = 0.0;
  };
  Embedding(ParamBuilder& builder, const Options& options);

  // -> (N, C)
  [[nodiscard]] Tensor forward(const Context& ctx, const Tensor& tokens, const Tensor& positions) const;
  // Adds to the tables; dy (N, C) is overwritten.
  void backward(const Context& ctx, const Tensor& dy, const Tensor& tokens, const Tensor& positions) const;

  [[nodiscard]] int token_table() const { return token_table_; }

 private:
  Options options_;
  int token_table_;
  int position_table_;
};

}  // namespace phalanx
