#include "model/layers/embedding.h"

#include "model/layers/vocabulary_part.h"
#include "model/ops/dropout.h"
#include "model/ops/embedding.h"

namespace phalanx {
namespace {

ParamSpec small_table(const char* name, std::int64_t rows, const Embedding::Options& o) {
  return {.name = name, .shape = {rows, o.C}, .decay = true, .init = Init::normal, .init_std = o.init_std};
}

}  // namespace

Embedding::Embedding(ParamBuilder& builder, const Options& o)
    : options_(o),
      token_table_(builder.add_matrix({.name = "embedding.token",
                                       .shape = {o.V, o.C},
                                       .split = Split::rows,
                                       .decay = true,
                                       .init = Init::normal,
                                       .init_std = o.init_std,
                                       .vocabulary = true})),
      position_table_(o.T > 0 ? builder.add(small_table("embedding.position", o.T, o)) : -1),
      type_table_(o.token_types > 0 ? builder.add(small_table("token_type_embedding.weight", o.token_types, o)) : -1) {}

Tensor Embedding::forward(const Context& ctx, const Ids& ids) const {
  const TensorShards& shards = ctx.shards();
  const Tensor partials = ctx.take({shards.count, ids.tokens.size(0), options_.C});
  for (int s = 0; s < shards.count; ++s) {
    const bool first = shards.begin + s == 0;  // one shard of all adds positions and types
    const bool positions = first && position_table_ >= 0;
    const bool types = first && type_table_ >= 0;
    ops::embedding_forward(ctx.exec,
                           {.y = partials[s],
                            .tokens = ids.tokens,
                            .positions = positions ? ids.positions : Tensor{},
                            .token_table = ctx.parameters->weight(token_table_, s),
                            .position_table = positions ? ctx.parameters->weight(position_table_) : Tensor{},
                            .types = types ? ids.types : Tensor{},
                            .type_table = types ? ctx.parameters->weight(type_table_) : Tensor{},
                            .vocabulary_begin = vocabulary_part(options_.V, shards.begin + s, shards.total).begin});
  }
  const Tensor y = ctx.sum_over_shards(partials);
  const ops::Dropout dropout = ctx.dropout(options_.dropout, Purpose::embedding_dropout, 0);
  if (dropout.rate > 0.0F) ops::dropout_apply(ctx.exec, {.y = y, .x = y, .dropout = dropout});
  return y;
}

void Embedding::backward(const Context& ctx, const Tensor& dy, const Ids& ids) const {
  const TensorShards& shards = ctx.shards();
  const ops::Dropout dropout = ctx.dropout(options_.dropout, Purpose::embedding_dropout, 0);
  if (dropout.rate > 0.0F) ops::dropout_apply(ctx.exec, {.y = dy, .x = dy, .dropout = dropout});
  // The head came first in this backward and has written the table's gradient.
  for (int s = 0; s < shards.count; ++s) {
    const bool positions = s == 0 && position_table_ >= 0;  // the small tables are whole on every rank
    const bool types = s == 0 && type_table_ >= 0;
    ops::embedding_backward(ctx.exec,
                            {.dtoken_table = ctx.parameters->gradient(token_table_, s),
                             .dposition_table = positions ? ctx.parameters->gradient(position_table_) : Tensor{},
                             .dy = dy,
                             .tokens = ids.tokens,
                             .positions = positions ? ids.positions : Tensor{},
                             .dtype_table = types ? ctx.parameters->gradient(type_table_) : Tensor{},
                             .types = types ? ids.types : Tensor{},
                             .vocabulary_begin = vocabulary_part(options_.V, shards.begin + s, shards.total).begin});
  }
  for (const int table : {type_table_, position_table_, token_table_}) {
    if (table >= 0) ctx.ready(table);
  }
}

}  // namespace phalanx
