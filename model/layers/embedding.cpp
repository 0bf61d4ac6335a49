#include "model/layers/embedding.h"

#include "model/layers/vocabulary_part.h"
#include "model/ops/dropout.h"
#include "model/ops/embedding.h"

namespace phalanx {

Embedding::Embedding(ParamBuilder& builder, const Options& o)
    : options_(o),
      token_table_(builder.add_matrix({.name = "embedding.token",
                                       .shape = {o.V, o.C},
                                       .split = Split::rows,
                                       .decay = true,
                                       .init = Init::normal,
                                       .init_std = o.init_std,
                                       .vocabulary = true})),
      position_table_(builder.add({.name = "embedding.position",
                                   .shape = {o.T, o.C},
                                   .decay = true,
                                   .init = Init::normal,
                                   .init_std = o.init_std})) {}

Tensor Embedding::forward(const Context& ctx, const Tensor& tokens, const Tensor& positions) const {
  const TensorShards& shards = ctx.shards();
  const Tensor partials = ctx.take({shards.count, tokens.size(0), options_.C});
  for (int s = 0; s < shards.count; ++s) {
    const bool first = shards.begin + s == 0;  // one shard of all adds the positions
    ops::embedding_forward(ctx.exec,
                           {.y = partials[s],
                            .tokens = tokens,
                            .positions = first ? positions : Tensor{},
                            .token_table = ctx.parameters->weight(token_table_, s),
                            .position_table = first ? ctx.parameters->weight(position_table_) : Tensor{},
                            .vocabulary_begin = vocabulary_part(options_.V, shards.begin + s, shards.total).begin});
  }
  const Tensor y = ctx.sum_over_shards(partials);
  const ops::Dropout dropout = ctx.dropout(options_.dropout, Purpose::embedding_dropout, 0);
  if (dropout.rate > 0.0F) ops::dropout_apply(ctx.exec, {.y = y, .x = y, .dropout = dropout});
  return y;
}

void Embedding::backward(const Context& ctx, const Tensor& dy, const Tensor& tokens, const Tensor& positions) const {
  const TensorShards& shards = ctx.shards();
  const ops::Dropout dropout = ctx.dropout(options_.dropout, Purpose::embedding_dropout, 0);
  if (dropout.rate > 0.0F) ops::dropout_apply(ctx.exec, {.y = dy, .x = dy, .dropout = dropout});
  // The head came first in this backward and has written the table's gradient.
  for (int s = 0; s < shards.count; ++s) {
    const bool once = s == 0;  // the position table is whole on every rank
    ops::embedding_backward(ctx.exec,
                            {.dtoken_table = ctx.parameters->gradient(token_table_, s),
                             .dposition_table = once ? ctx.parameters->gradient(position_table_) : Tensor{},
                             .dy = dy,
                             .tokens = tokens,
                             .positions = once ? positions : Tensor{},
                             .vocabulary_begin = vocabulary_part(options_.V, shards.begin + s, shards.total).begin});
  }
  ctx.ready(position_table_);
  ctx.ready(token_table_);
}

}  // namespace phalanx
