// Token and position embedding, the vocabulary cut over tensor shards.
#pragma once

#include <cstdint>

#include "core/batch.h"
#include "model/context.h"

namespace phalanx {

// Token ids, targets and positions of a micro-batch on the device.
struct BatchTensors {
  Tensor tokens, targets, positions;    // (N) int32
  Tensor document_begin, document_end;  // (B, T) int32
  Tensor sequences;                     // (B) int64
};
BatchTensors upload(const Context& ctx, const Batch& batch);

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

// Where virtual shard s of `total` begins in a vocabulary of V, and how many true rows it has.
struct VocabularyPart {
  std::int64_t begin = 0;
  std::int64_t valid = 0;
};
VocabularyPart vocabulary_part(std::int64_t V, int shard, int total);

}  // namespace phalanx
