#include "tests/support/cuda/emulated_table.h"

#include "model/ops/cuda/cuda_ops.h"

namespace phalanx::testing {
namespace {

ops::OpTable make_table() {
  namespace cuda = ops::cuda;
  ops::OpTable t = ops::cpu_op_table();
  t.name = "cuda_emulated";
  t.layernorm_forward = cuda::layernorm_forward;
  t.residual_layernorm_forward = cuda::residual_layernorm_forward;
  t.layernorm_backward = cuda::layernorm_backward;
  t.residual_layernorm_backward = cuda::residual_layernorm_backward;
  t.gelu_forward = cuda::gelu_forward;
  t.gelu_backward = cuda::gelu_backward;
  t.attention_forward = cuda::attention_forward;
  t.attention_backward = cuda::attention_backward;
  t.attention_decode = cuda::attention_decode;
  t.attention_fill_cache = cuda::attention_fill_cache;
  t.embedding_forward = cuda::embedding_forward;
  t.embedding_backward = cuda::embedding_backward;
  t.dropout_apply = cuda::dropout_apply;
  t.cross_entropy_stats = cuda::cross_entropy_stats;
  t.cross_entropy_combine = cuda::cross_entropy_combine;
  t.cross_entropy_backward = cuda::cross_entropy_backward;
  t.cast = cuda::cast;
  t.add = cuda::add;
  t.sum_of_squares = cuda::sum_of_squares;
  t.adamw_update = cuda::adamw_update;
  t.largest_magnitude = cuda::largest_magnitude;
  t.digest = cuda::digest;
  t.exact_sum_of_squares = cuda::exact_sum_of_squares;
  return t;
}

}  // namespace

const ops::OpTable& emulated_cuda_table() {
  static const ops::OpTable table = make_table();
  return table;
}

std::vector<const ops::OpTable*> every_table() {
  std::vector<const ops::OpTable*> tables = ops::usable_cpu_op_tables();
  tables.push_back(&emulated_cuda_table());
  return tables;
}

}  // namespace phalanx::testing
