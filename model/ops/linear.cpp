#include "model/ops/linear.h"

#include "model/ops/linear_onednn.h"
#include "model/ops/linear_scratch.h"
#include "model/ops/op_table.h"
#include "model/ops/require.h"

namespace phalanx::ops {
namespace {

bool on_cpu(const Exec& exec) { return exec.device.type == DeviceType::cpu; }

// The weight is (OC, IC) of `dtype`, and its blob, if any, has the size that was asked for.
void require_weight(const Exec& exec, const char* op, const LinearWeight& w, std::int64_t OC, std::int64_t IC,
                    DType dtype) {
  require(exec, op, "w.plain", w.plain, {OC, IC}, dtype);
  if (w.packed_forward.defined()) {
    require(exec, op, "w.packed_forward", w.packed_forward, {packed_forward_bytes(exec, OC, IC, dtype)}, DType::u8);
  }
  if (w.packed_backward.defined()) {
    require(exec, op, "w.packed_backward", w.packed_backward, {packed_backward_bytes(exec, OC, IC, dtype)}, DType::u8);
  }
}

void check_sizes(const Exec& exec, const char* what, std::int64_t OC, std::int64_t IC, DType dtype) {
  ENSURE(OC > 0 && IC > 0, what, ": a weight of (", OC, ", ", IC, "), expected sizes above 0");
  require_compute_dtype(exec, what, "the weight", dtype);
}

void check_forward(const Exec& exec, const LinearForward& a) {
  constexpr const char* kOp = "linear_forward";
  require_dims(kOp, "x", a.x, 2);
  require_dims(kOp, "y", a.y, 2);
  require_compute_dtype(exec, kOp, "x", a.x.dtype);
  const std::int64_t OC = a.y.size(1);
  require(exec, kOp, "x", a.x, a.x.shape, a.x.dtype);
  require(exec, kOp, "y", a.y, {a.x.size(0), OC}, a.x.dtype);
  check_sizes(exec, kOp, OC, a.x.size(1), a.x.dtype);
  require_weight(exec, kOp, a.w, OC, a.x.size(1), a.x.dtype);
  require_if_defined(exec, kOp, "bias", a.bias, {OC}, a.x.dtype);
}

void check_backward_input(const Exec& exec, const LinearBackwardInput& a) {
  constexpr const char* kOp = "linear_backward_input";
  require_dims(kOp, "dy", a.dy, 2);
  require_dims(kOp, "dx", a.dx, 2);
  require_compute_dtype(exec, kOp, "dy", a.dy.dtype);
  require(exec, kOp, "dy", a.dy, a.dy.shape, a.dy.dtype);
  require(exec, kOp, "dx", a.dx, {a.dy.size(0), a.dx.size(1)}, a.dy.dtype);
  check_sizes(exec, kOp, a.dy.size(1), a.dx.size(1), a.dy.dtype);
  require_weight(exec, kOp, a.w, a.dy.size(1), a.dx.size(1), a.dy.dtype);
}

void check_backward_weight(const Exec& exec, const LinearBackwardWeight& a) {
  constexpr const char* kOp = "linear_backward_weight";
  require_dims(kOp, "dy", a.dy, 2);
  require_dims(kOp, "x", a.x, 2);
  require_compute_dtype(exec, kOp, "dy", a.dy.dtype);
  require(exec, kOp, "dy", a.dy, a.dy.shape, a.dy.dtype);
  require(exec, kOp, "x", a.x, {a.dy.size(0), a.x.size(1)}, a.dy.dtype);
  check_sizes(exec, kOp, a.dy.size(1), a.x.size(1), a.dy.dtype);
  require(exec, kOp, "dw", a.dw, {a.dy.size(1), a.x.size(1)}, DType::f32);
  require_if_defined(exec, kOp, "dbias", a.dbias, {a.dy.size(1)}, DType::f32);
}

void plan_gpu_product(const Exec& exec) {
  Scratch scratch(*exec.workspace);
  take_product_workspace(scratch);
}

}  // namespace

std::int64_t packed_forward_bytes(const Exec& exec, std::int64_t OC, std::int64_t IC, DType dtype) {
  check_sizes(exec, "packed_forward_bytes", OC, IC, dtype);
  return on_cpu(exec) ? onednn::packed_forward_bytes(OC, IC, dtype) : 0;
}

std::int64_t packed_backward_bytes(const Exec& exec, std::int64_t OC, std::int64_t IC, DType dtype) {
  check_sizes(exec, "packed_backward_bytes", OC, IC, dtype);
  return on_cpu(exec) ? onednn::packed_backward_bytes(OC, IC, dtype) : 0;
}

void pack_weight(const Exec& exec, const LinearWeight& w) {
  require_dims("pack_weight", "w.plain", w.plain, 2);
  check_sizes(exec, "pack_weight", w.plain.size(0), w.plain.size(1), w.plain.dtype);
  require_weight(exec, "pack_weight", w, w.plain.size(0), w.plain.size(1), w.plain.dtype);
  if (exec.planning() || (!w.packed_forward.defined() && !w.packed_backward.defined())) return;
  exec.table->pack_weight(exec, w);
}

// While planning there is no table; the CPU's functions then take their workspace and return.
void linear_forward(const Exec& exec, const LinearForward& a) {
  check_forward(exec, a);
  if (a.x.size(0) == 0) return;
  if (!exec.planning()) return exec.table->linear_forward(exec, a);
  on_cpu(exec) ? onednn::linear_forward(exec, a) : plan_gpu_product(exec);
}

void linear_backward_input(const Exec& exec, const LinearBackwardInput& a) {
  check_backward_input(exec, a);
  if (a.dy.size(0) == 0) return;
  if (!exec.planning()) return exec.table->linear_backward_input(exec, a);
  on_cpu(exec) ? onednn::linear_backward_input(exec, a) : plan_gpu_product(exec);
}

void linear_backward_weight(const Exec& exec, const LinearBackwardWeight& a) {
  check_backward_weight(exec, a);
  if (a.dy.size(0) == 0) {
    if (a.write == Write::overwrite && !exec.planning()) fill_zero(a.dw, exec.stream);
    return;
  }
  if (!exec.planning()) return exec.table->linear_backward_weight(exec, a);
  if (on_cpu(exec)) return onednn::linear_backward_weight(exec, a);
  plan_gpu_product(exec);
  Scratch scratch(*exec.workspace);
  if (a.dbias.defined()) take_bias_sums(scratch, a.dy);
}

std::string describe_products(const Exec& exec, DType dtype) {
  if (!on_cpu(exec)) return str("cuBLASLt, ", name_of(dtype));
  return onednn::describe_products(dtype);
}

}  // namespace phalanx::ops
