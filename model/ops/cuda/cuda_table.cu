// The table of CUDA ops.
#include "model/ops/cuda/cuda_ops.h"

namespace phalanx::ops::cuda {

const OpTable& op_table() {
  static const OpTable table{.name = "cuda",
                             .attention_step = 1,
                             .layernorm_forward = layernorm_forward,
                             .residual_layernorm_forward = residual_layernorm_forward,
                             .layernorm_backward = layernorm_backward,
                             .residual_layernorm_backward = residual_layernorm_backward,
                             .gelu_forward = gelu_forward,
                             .gelu_backward = gelu_backward,
                             .attention_forward = attention_forward,
                             .attention_backward = attention_backward,
                             .attention_decode = attention_decode,
                             .attention_fill_cache = attention_fill_cache,
                             .embedding_forward = embedding_forward,
                             .embedding_backward = embedding_backward,
                             .gather_rows = gather_rows,
                             .scatter_rows = scatter_rows,
                             .tanh_forward = tanh_forward,
                             .tanh_backward = tanh_backward,
                             .geglu_forward = geglu_forward,
                             .geglu_backward = geglu_backward,
                             .rope = rope,
                             .dropout_apply = dropout_apply,
                             .cross_entropy_stats = cross_entropy_stats,
                             .cross_entropy_combine = cross_entropy_combine,
                             .cross_entropy_backward = cross_entropy_backward,
                             .pack_weight = pack_weight,
                             .linear_forward = linear_forward,
                             .linear_backward_input = linear_backward_input,
                             .linear_backward_weight = linear_backward_weight,
                             .column_sums = nullptr,
                             .cast_block = nullptr,
                             .pack_tiles = nullptr,
                             .weight_product = nullptr,
                             .cast = cast,
                             .add = add,
                             .sum_of_squares = sum_of_squares,
                             .adamw_update = adamw_update,
                             .lamb_direction = lamb_direction,
                             .lamb_apply = lamb_apply,
                             .largest_magnitude = largest_magnitude,
                             .digest = digest,
                             .exact_sum_of_squares = exact_sum_of_squares};
  return table;
}

}  // namespace phalanx::ops::cuda
