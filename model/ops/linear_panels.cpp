// bf16 storage, fp32 products: for processors whose bf16 products are not faster than their fp32 products. Blocks of
// kRows rows and kPanel output channels are converted into the workspace, so it stays small for any vocabulary.
// The blocks are fixed: the bits depend on shapes alone.
#include <algorithm>

#include "model/ops/linear_onednn.h"
#include "model/ops/onednn_product.h"
#include "model/ops/op_table.h"

namespace phalanx::ops::onednn {
namespace {

constexpr std::int64_t kRows = 1024;   // rows of x and dy at a time
constexpr std::int64_t kPanel = 1024;  // output channels at a time

// A block of columns [begin, begin + columns) of a matrix with `stride` columns.
std::byte* column(const Tensor& matrix, std::int64_t begin) { return matrix.data + begin * bytes_of(matrix.dtype); }

// to (rows, columns) <- from, both with a stride in elements.
void convert(const Exec& exec, DType to_dtype, std::byte* to, std::int64_t to_stride, DType from_dtype,
             const std::byte* from, std::int64_t from_stride, std::int64_t rows, std::int64_t columns) {
  if (exec.planning()) return;
  exec.table->cast_block(exec, {.to = to,
                                .to_dtype = to_dtype,
                                .to_stride = to_stride,
                                .from = from,
                                .from_dtype = from_dtype,
                                .from_stride = from_stride,
                                .rows = rows,
                                .columns = columns});
}

// The fp32 copy of a block of bf16 rows, contiguous.
void widen(const Exec& exec, const Tensor& to, const std::byte* from, std::int64_t from_stride, std::int64_t rows,
           std::int64_t columns) {
  convert(exec, DType::f32, to.data, columns, DType::bf16, from, from_stride, rows, columns);
}

// Calls f(begin, count) for the blocks of [0, n).
template <class F>
void for_blocks(std::int64_t n, std::int64_t block, F&& f) {
  for (std::int64_t begin = 0; begin < n; begin += block) f(begin, std::min(block, n - begin));
}

}  // namespace

void forward_by_panels(const Exec& exec, const LinearForward& a) {
  const std::int64_t N = a.x.size(0);
  const std::int64_t IC = a.x.size(1);
  const std::int64_t OC = a.y.size(1);
  Scratch scratch(*exec.workspace);
  const Tensor x = scratch.take({std::min(kRows, N), IC}, DType::f32);
  const Tensor w = scratch.take({std::min(kPanel, OC), IC}, DType::f32);
  const Tensor y = scratch.take({std::min(kRows, N), std::min(kPanel, OC)}, DType::f32);
  const Tensor bias = scratch.take({std::min(kPanel, OC)}, DType::f32);
  for_blocks(N, kRows, [&](std::int64_t n, std::int64_t rows) {
    widen(exec, x, a.x.slice(n, rows).data, IC, rows, IC);
    for_blocks(OC, kPanel, [&](std::int64_t o, std::int64_t outputs) {
      widen(exec, w, a.w.plain.slice(o, outputs).data, IC, outputs, IC);
      if (a.bias.defined()) widen(exec, bias, column(a.bias, o), outputs, 1, outputs);
      multiply(exec, {.M = rows, .K = IC, .N = outputs, .b = Layout::columns, .bias = a.bias.defined()}, x.data, w.data,
               y.data, bias.data);
      convert(exec, DType::bf16, column(a.y.slice(n, rows), o), OC, DType::f32, y.data, outputs, rows, outputs);
    });
  });
}

void backward_input_by_panels(const Exec& exec, const LinearBackwardInput& a) {
  const std::int64_t N = a.dy.size(0);
  const std::int64_t OC = a.dy.size(1);
  const std::int64_t IC = a.dx.size(1);
  Scratch scratch(*exec.workspace);
  const Tensor dx = scratch.take({std::min(kRows, N), IC}, DType::f32);
  const Tensor w = scratch.take({std::min(kPanel, OC), IC}, DType::f32);
  const Tensor dy = scratch.take({std::min(kRows, N), std::min(kPanel, OC)}, DType::f32);
  for_blocks(N, kRows, [&](std::int64_t n, std::int64_t rows) {
    for_blocks(OC, kPanel, [&](std::int64_t o, std::int64_t outputs) {
      widen(exec, dy, column(a.dy.slice(n, rows), o), OC, rows, outputs);
      widen(exec, w, a.w.plain.slice(o, outputs).data, IC, outputs, IC);
      multiply(exec, {.M = rows, .K = outputs, .N = IC, .accumulate = o > 0}, dy.data, w.data, dx.data);
    });
    convert(exec, DType::bf16, a.dx.slice(n, rows).data, IC, DType::f32, dx.data, IC, rows, IC);
  });
}

}  // namespace phalanx::ops::onednn
