// Embedding of tokens, positions and token types, the vocabulary cut over tensor shards.
#pragma once

#include <cstdint>

#include "model/context.h"

namespace phalanx {

class Embedding {
 public:
  struct Options {
    std::int64_t V = 0, C = 0;
    std::int64_t T = 0;            // positions; 0: none are added
    std::int64_t token_types = 0;  // 0: none are added
    float init_std = 0.02F;
    double dropout = 0.0;
  };
  Embedding(ParamBuilder& builder, const Options& options);

  // All (N); without `types` every token has type 0.
  struct Ids {
    Tensor tokens, positions, types;
  };
  // -> (N, C)
  [[nodiscard]] Tensor forward(const Context& ctx, const Ids& ids) const;
  // Adds to the tables; dy (N, C) is overwritten.
  void backward(const Context& ctx, const Tensor& dy, const Ids& ids) const;

  [[nodiscard]] int token_table() const { return token_table_; }

 private:
  Options options_;
  int token_table_;
  int position_table_;  // -1: none
  int type_table_;      // -1: none
};

}  // namespace phalanx
