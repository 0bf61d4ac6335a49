// The CPU op table of one instruction set: this file is compiled once for each (model/CMakeLists.txt).
// Products of linear layers are not here by level, for oneDNN looks at the processor itself; those of weight gradients
// are (weight_product).
#include "model/ops/cpu/level_ops.h"
#include "model/ops/linear_onednn.h"

#define PHALANX_TEXT_OF(x) #x
#define PHALANX_TEXT(x) PHALANX_TEXT_OF(x)

namespace phalanx::ops::PHALANX_CPU_LEVEL {
namespace {

constexpr OpTable make_table() {
  OpTable t{};
  t.name = PHALANX_TEXT(PHALANX_CPU_LEVEL);
  t.attention_step = 1;

  // An op without a line here would be a null call.
  t.layernorm_forward = layernorm_forward;
  t.residual_layernorm_forward = residual_layernorm_forward;
  t.layernorm_backward = layernorm_backward;
  t.residual_layernorm_backward = residual_layernorm_backward;
  t.gelu_forward = gelu_forward;
  t.gelu_backward = gelu_backward;
  t.attention_forward = attention_forward;
  t.attention_backward = attention_backward;
  t.attention_decode = attention_decode;
  t.attention_fill_cache = attention_fill_cache;
  t.embedding_forward = embedding_forward;
  t.embedding_backward = embedding_backward;
  t.gather_rows = gather_rows;
  t.scatter_rows = scatter_rows;
  t.tanh_forward = tanh_forward;
  t.tanh_backward = tanh_backward;
  t.geglu_forward = geglu_forward;
  t.geglu_backward = geglu_backward;
  t.rope = rope;
  t.dropout_apply = dropout_apply;
  t.cross_entropy_stats = cross_entropy_stats;
  t.cross_entropy_combine = cross_entropy_combine;
  t.cross_entropy_backward = cross_entropy_backward;
  t.pack_weight = onednn::pack_weight;
  t.linear_forward = onednn::linear_forward;
  t.linear_backward_input = onednn::linear_backward_input;
  t.linear_backward_weight = onednn::linear_backward_weight;
  t.column_sums = column_sums;
  t.cast_block = cast_block;
  t.pack_tiles = pack_tiles;
  t.weight_product = weight_product;
  t.cast = cast;
  t.add = add;
  t.sum_of_squares = sum_of_squares;
  t.adamw_update = adamw_update;
  t.lamb_direction = lamb_direction;
  t.lamb_apply = lamb_apply;
  t.largest_magnitude = largest_magnitude;
  t.digest = digest;
  t.exact_sum_of_squares = exact_sum_of_squares;
  return t;
}

}  // namespace

extern const OpTable op_table;
const OpTable op_table = make_table();

}  // namespace phalanx::ops::PHALANX_CPU_LEVEL
