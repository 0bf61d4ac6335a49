// Checks and dispatch of the embeddings.
#include "model/ops/embedding.h"

#include "model/ops/op_table.h"
#include "model/ops/require.h"

namespace phalanx::ops {
namespace {

void check_tokens(const Exec& exec, std::string_view op, const Tensor& tokens, const Tensor& positions,
                  const Tensor& position_table, std::int64_t N) {
  require(exec, op, "tokens", tokens, {N}, DType::i32);
  require_if_defined(exec, op, "positions", positions, {N}, DType::i32);
  ENSURE(positions.defined() == position_table.defined(), op, ": positions and their table must be defined together");
}

void check_types(const Exec& exec, std::string_view op, const Tensor& types, const Tensor& table, std::int64_t N,
                 std::int64_t C, DType dtype) {
  require_if_defined(exec, op, "types", types, {N}, DType::i32);
  if (!table.defined()) return;
  require_dims(op, "type table", table, 2);
  require(exec, op, "type table", table, {table.size(0), C}, dtype);
}

}  // namespace

void embedding_forward(const Exec& exec, const EmbeddingForward& a) {
  constexpr std::string_view op = "embedding_forward";
  require_dims(op, "y", a.y, 2);
  require_compute_dtype(exec, op, "y", a.y.dtype);
  const std::int64_t C = a.y.size(1);
  require(exec, op, "y", a.y, a.y.shape, a.y.dtype);
  check_tokens(exec, op, a.tokens, a.positions, a.position_table, a.y.size(0));
  require_dims(op, "token_table", a.token_table, 2);
  require(exec, op, "token_table", a.token_table, {a.token_table.size(0), C}, a.y.dtype);
  if (a.position_table.defined()) {
    require_dims(op, "position_table", a.position_table, 2);
    require(exec, op, "position_table", a.position_table, {a.position_table.size(0), C}, a.y.dtype);
  }
  check_types(exec, op, a.types, a.type_table, a.y.size(0), C, a.y.dtype);
  if (!exec.planning()) exec.table->embedding_forward(exec, a);
}

void embedding_backward(const Exec& exec, const EmbeddingBackward& a) {
  constexpr std::string_view op = "embedding_backward";
  require_dims(op, "dy", a.dy, 2);
  require_compute_dtype(exec, op, "dy", a.dy.dtype);
  const std::int64_t C = a.dy.size(1);
  require(exec, op, "dy", a.dy, a.dy.shape, a.dy.dtype);
  check_tokens(exec, op, a.tokens, a.positions, a.dposition_table, a.dy.size(0));
  require_dims(op, "dtoken_table", a.dtoken_table, 2);
  require(exec, op, "dtoken_table", a.dtoken_table, {a.dtoken_table.size(0), C}, DType::f32);
  if (a.dposition_table.defined()) {
    require_dims(op, "dposition_table", a.dposition_table, 2);
    require(exec, op, "dposition_table", a.dposition_table, {a.dposition_table.size(0), C}, DType::f32);
  }
  check_types(exec, op, a.types, a.dtype_table, a.dy.size(0), C, DType::f32);
  if (!exec.planning()) exec.table->embedding_backward(exec, a);
}

}  // namespace phalanx::ops
