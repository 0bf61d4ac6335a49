// Checks and dispatch of the norms.
#include "model/ops/layernorm.h"

#include "model/ops/layernorm_scratch.h"
#include "model/ops/op_table.h"
#include "model/ops/require.h"
#include "model/ops/require_dropout.h"

namespace phalanx::ops {
namespace {

void check_forward(const Exec& exec, std::string_view op, const LayernormForward& a) {
  require_dims(op, "x", a.x, 2);
  require_compute_dtype(exec, op, "x", a.x.dtype);
  const std::int64_t N = a.x.size(0);
  const std::int64_t C = a.x.size(1);
  ENSURE(C > 0, op, ": x is ", to_string(a.x.shape), ", rows must not be empty");
  ENSURE(a.epsilon >= 0.0F, op, ": epsilon is ", a.epsilon, ", expected >= 0");
  require(exec, op, "x", a.x, {N, C}, a.x.dtype);
  require(exec, op, "y", a.y, {N, C}, a.x.dtype);
  require(exec, op, "mean", a.mean, {N}, DType::f32);
  require(exec, op, "rstd", a.rstd, {N}, DType::f32);
  require(exec, op, "gamma", a.gamma, {C}, a.x.dtype);
  require_if_defined(exec, op, "beta", a.beta, {C}, a.x.dtype);
}

void check_backward(const Exec& exec, std::string_view op, const LayernormBackward& a) {
  require_dims(op, "x", a.x, 2);
  require_compute_dtype(exec, op, "x", a.x.dtype);
  const std::int64_t N = a.x.size(0);
  const std::int64_t C = a.x.size(1);
  ENSURE(C > 0, op, ": x is ", to_string(a.x.shape), ", rows must not be empty");
  require(exec, op, "x", a.x, {N, C}, a.x.dtype);
  require(exec, op, "dx", a.dx, {N, C}, a.x.dtype);
  require(exec, op, "dgamma", a.dgamma, {C}, DType::f32);
  require_if_defined(exec, op, "dbeta", a.dbeta, {C}, DType::f32);
  require(exec, op, "dy", a.dy, {N, C}, a.x.dtype);
  require_if_defined(exec, op, "dx_add", a.dx_add, {N, C}, a.x.dtype);
  require(exec, op, "mean", a.mean, {N}, DType::f32);
  require(exec, op, "rstd", a.rstd, {N}, DType::f32);
  require(exec, op, "gamma", a.gamma, {C}, a.x.dtype);
}

}  // namespace

void layernorm_forward(const Exec& exec, const LayernormForward& a) {
  check_forward(exec, "layernorm_forward", a);
  if (!exec.planning()) exec.table->layernorm_forward(exec, a);
}

void layernorm_backward(const Exec& exec, const LayernormBackward& a) {
  check_backward(exec, "layernorm_backward", a);
  if (!exec.planning()) return exec.table->layernorm_backward(exec, a);
  Scratch scratch(*exec.workspace);
  take_norm_sums(scratch, a.x);
}

void residual_layernorm_forward(const Exec& exec, const ResidualLayernormForward& a) {
  constexpr std::string_view op = "residual_layernorm_forward";
  require_dims(op, "sum", a.sum, 2);
  check_forward(exec, op, {a.y, a.mean, a.rstd, a.sum, a.gamma, a.beta, a.epsilon});
  require(exec, op, "residual", a.residual, a.sum.shape, a.sum.dtype);
  require(exec, op, "branch", a.branch, a.sum.shape, a.sum.dtype);
  require_if_defined(exec, op, "bias", a.bias, {a.sum.size(1)}, a.sum.dtype);
  require_dropout(exec, op, a.dropout, a.sum.size(0));
  if (!exec.planning()) exec.table->residual_layernorm_forward(exec, a);
}

void residual_layernorm_backward(const Exec& exec, const ResidualLayernormBackward& a) {
  constexpr std::string_view op = "residual_layernorm_backward";
  check_backward(exec, op, a.norm);
  require(exec, op, "dbranch", a.dbranch, a.norm.x.shape, a.norm.x.dtype);
  require_if_defined(exec, op, "dbias", a.dbias, {a.norm.x.size(1)}, DType::f32);
  require_dropout(exec, op, a.dropout, a.norm.x.size(0));
  ENSURE(a.dropout.rate == 0.0F || a.dbranch.data != a.norm.dx.data, op,
         ": dbranch may share memory with norm.dx only when dropout.rate is 0, found ", a.dropout.rate);
  if (!exec.planning()) return exec.table->residual_layernorm_backward(exec, a);
  Scratch scratch(*exec.workspace);
  take_residual_norm_sums(scratch, a.norm.x);
}

}  // namespace phalanx::ops
