// Matrix products of linear layers on the GPU. Weights are used as they are: nothing is packed.
#include "model/ops/cuda/column_sums.cuh"
#include "model/ops/cuda/cuda_ops.h"
#include "model/ops/cuda/gemm_cublaslt.h"
#include "model/ops/linear_scratch.h"

namespace phalanx::ops::cuda {

void pack_weight(const Exec& /*exec*/, const LinearWeight& /*w*/) {}

void linear_forward(const Exec& exec, const LinearForward& a) {
  multiply(exec,
           {.M = a.x.size(0),
            .N = a.y.size(1),
            .K = a.x.size(1),
            .b_transposed = true,
            .in = a.x.dtype,
            .out = a.y.dtype,
            .bias = a.bias.defined()},
           a.x.data, a.w.plain.data, a.y.data, a.bias.data);
}

void linear_backward_input(const Exec& exec, const LinearBackwardInput& a) {
  multiply(exec, {.M = a.dy.size(0), .N = a.dx.size(1), .K = a.dy.size(1), .in = a.dy.dtype, .out = a.dx.dtype},
           a.dy.data, a.w.plain.data, a.dx.data);
}

void linear_backward_weight(const Exec& exec, const LinearBackwardWeight& a) {
  multiply(exec,
           {.M = a.dw.size(0),
            .N = a.dw.size(1),
            .K = a.dy.size(0),
            .a_transposed = true,
            .in = a.dy.dtype,
            .out = DType::f32,
            .accumulate = a.write == Write::accumulate},
           a.dy.data, a.x.data, a.dw.data);
  if (!a.dbias.defined()) return;
  Scratch scratch(*exec.workspace);
  const Tensor lines = take_bias_sums(scratch, a.dy);
  sum_columns(exec, lines, a.dy, 0);
  add_lines(exec, {a.dbias}, lines);
}

}  // namespace phalanx::ops::cuda
