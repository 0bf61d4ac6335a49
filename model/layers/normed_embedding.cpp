#include "model/layers/normed_embedding.h"

#include "model/ops/dropout.h"

namespace phalanx {
namespace {

Embedding::Options without_dropout(Embedding::Options options) {
  options.dropout = 0.0;
  return options;
}

}  // namespace

NormedEmbedding::NormedEmbedding(ParamBuilder& builder, const Embedding::Options& o, const NormOptions& norm)
    : dropout_(o.dropout), embedding_(builder, without_dropout(o)), norm_(builder, norm) {}

Tensor NormedEmbedding::forward(const Context& ctx, const Embedding::Ids& ids, Norm::Saved& saved) const {
  norm_.forward(ctx, {embedding_.forward(ctx, ids), {}, -1, {}}, saved);
  const ops::Dropout dropout = ctx.dropout(dropout_, Purpose::embedding_dropout, 0);
  if (dropout.rate > 0.0F) ops::dropout_apply(ctx.exec, {.y = saved.y, .x = saved.y, .dropout = dropout});
  return saved.y;
}

void NormedEmbedding::backward(const Context& ctx, const Tensor& dy, const Embedding::Ids& ids,
                               const Norm::Saved& saved) const {
  const ops::Dropout dropout = ctx.dropout(dropout_, Purpose::embedding_dropout, 0);
  if (dropout.rate > 0.0F) ops::dropout_apply(ctx.exec, {.y = dy, .x = dy, .dropout = dropout});
  embedding_.backward(ctx, norm_.backward(ctx, dy, {}, {}, saved).dresidual, ids);
}

}  // namespace phalanx
