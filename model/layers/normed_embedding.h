// NormedEmbedding: dropout(norm(embedding)), where encoders begin.
#pragma once

#include "model/layers/embedding.h"
#include "model/layers/norm.h"

namespace phalanx {

class NormedEmbedding {
 public:
  // options.dropout applies behind the norm.
  NormedEmbedding(ParamBuilder& builder, const Embedding::Options& options, const NormOptions& norm);

  // -> (N, C)
  [[nodiscard]] Tensor forward(const Context& ctx, const Embedding::Ids& ids, Norm::Saved& saved) const;
  // Adds to the tables; dy (N, C) is overwritten.
  void backward(const Context& ctx, const Tensor& dy, const Embedding::Ids& ids, const Norm::Saved& saved) const;

  [[nodiscard]] int token_table() const { return embedding_.token_table(); }

 private:
  double dropout_;
  Embedding embedding_;
  Norm norm_;
};

}  // namespace phalanx
