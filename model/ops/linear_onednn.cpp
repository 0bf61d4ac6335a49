// Which product, in which layout, for each direction of a linear layer. Figures: GFLOP/s of one Zen 4 core (fp32 peak
// 114, bf16 228), N = 1024, GPT-2 124M shapes, plain against packed weights:
//   forward   fp32 108 -> 112, bf16 216 -> 225: packed for bf16 only, where the copy of W weighs half
//   dx        fp32 109 -> 112, bf16 217 -> 227; head of 50,304 columns fp32 91 -> 112, bf16 200 -> 223: packed
//   dW        fp32 103, bf16 201 -> 107-110, 210-220 by tiles of our own (weight_product_cpu.cpp); with AMX by oneDNN
#include "model/ops/linear_onednn.h"

#include <omp.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "core/processor.h"
#include "model/ops/onednn_product.h"
#include "model/ops/op_table.h"

namespace phalanx::ops::onednn {
namespace {

constexpr std::int64_t kPackedRows = 1024;  // rows of x that packed layouts are chosen for

// Rows of dy and x in one product of dW. From 2,048 rows on oneDNN may share them among threads, and then the order of
// the sums, so the bits, would depend on the number of threads.
constexpr std::int64_t kWeightRows = 1024;

bool is_bf16_by(Bf16Path path, DType dtype) { return dtype == DType::bf16 && bf16_path() == path; }
bool by_panels(DType dtype) { return is_bf16_by(Bf16Path::panels, dtype); }

// y (N, OC) = x (N, IC) Wᵀ
Product forward_product(std::int64_t N, std::int64_t OC, std::int64_t IC, DType dtype, Layout weight) {
  return {.M = N,
          .K = IC,
          .N = OC,
          .b = weight,
          .packed_for = weight == Layout::packed ? kPackedRows : 0,
          .in = dtype,
          .out = dtype};
}

// dx (N, IC) = dy (N, OC) W
Product backward_product(std::int64_t N, std::int64_t OC, std::int64_t IC, DType dtype, Layout weight) {
  return {.M = N,
          .K = OC,
          .N = IC,
          .b = weight,
          .packed_for = weight == Layout::packed ? kPackedRows : 0,
          .in = dtype,
          .out = dtype};
}

// dw (OC, IC) += or = dyᵀ (OC, N) x
Product weight_product(std::int64_t N, std::int64_t OC, std::int64_t IC, DType dtype, bool accumulate) {
  return {.M = OC,
          .K = N,
          .N = IC,
          .a = Layout::columns,
          .b = Layout::packed,
          .packed_for = OC,
          .in = dtype,
          .out = DType::f32,
          .accumulate = accumulate};
}

Product packed_forward(std::int64_t OC, std::int64_t IC, DType dtype) {
  return forward_product(kPackedRows, OC, IC, dtype, Layout::packed);
}

Product packed_backward(std::int64_t OC, std::int64_t IC, DType dtype) {
  return backward_product(kPackedRows, OC, IC, dtype, Layout::packed);
}

// dbias += column sums of dy.
void add_bias_gradient(const Exec& exec, const LinearBackwardWeight& a) {
  if (a.dbias.defined() && !exec.planning()) exec.table->column_sums(exec, a.dbias, a.dy);
}

// dw += or = dyᵀ x by tiles of our own. While planning there is no table; the workspace is the same for all.
void weight_by_tiles(const Exec& exec, const LinearBackwardWeight& a) {
  Scratch scratch(*exec.workspace);
  const std::int64_t floats = weight_product_floats(a.dy.size(0), a.dy.size(1), a.x.size(1), omp_get_max_threads());
  const Tensor panels = scratch.take({floats}, DType::f32);
  if (exec.planning()) return;
  exec.table->weight_product(exec, {.dw = a.dw,
                                    .dy = a.dy,
                                    .x = a.x,
                                    .accumulate = a.write == Write::accumulate,
                                    .pairs = is_bf16_by(Bf16Path::pairs, a.dy.dtype),
                                    .panels = panels});
}

// dw += or = dyᵀ x by oneDNN, with x packed into the workspace.
void weight_by_onednn(const Exec& exec, const Tensor& dw, const Tensor& dy, const Tensor& x, bool accumulate) {
  Product p = weight_product(dy.size(0), dy.size(1), x.size(1), dy.dtype, accumulate);
  const std::int64_t bytes = packed_bytes(p);
  if (bytes == 0) {
    p.b = Layout::rows;
    return multiply(exec, p, dy.data, x.data, dw.data);
  }
  Scratch scratch(*exec.workspace);
  const Tensor packed_x = scratch.take({bytes}, DType::u8);
  pack(exec, p, Layout::rows, packed_x.data, x.data);
  multiply(exec, p, dy.data, packed_x.data, dw.data);
}

}  // namespace

Bf16Path bf16_path() {
  const char* asked = std::getenv("PHALANX_BF16");
  const std::string_view path = asked == nullptr ? "" : asked;
  if (path == "native") return Bf16Path::native;
  if (path == "pairs") return Bf16Path::pairs;
  if (path == "panels") return Bf16Path::panels;
  if (!path.empty()) throw UsageError(str("PHALANX_BF16=", path, ": expected native, pairs or panels"));
  if (isa() == Isa::amx) return Bf16Path::native;
  return isa() == Isa::avx512_bf16 && has_fast_bf16_pairs() ? Bf16Path::pairs : Bf16Path::panels;
}

std::int64_t packed_forward_bytes(std::int64_t OC, std::int64_t IC, DType dtype) {
  if (dtype != DType::bf16 || by_panels(dtype)) return 0;
  return packed_bytes(packed_forward(OC, IC, dtype));
}

std::int64_t packed_backward_bytes(std::int64_t OC, std::int64_t IC, DType dtype) {
  return by_panels(dtype) ? 0 : packed_bytes(packed_backward(OC, IC, dtype));
}

void pack_weight(const Exec& exec, const LinearWeight& w) {
  const std::int64_t OC = w.plain.size(0);
  const std::int64_t IC = w.plain.size(1);
  if (w.packed_forward.defined()) {
    pack(exec, packed_forward(OC, IC, w.plain.dtype), Layout::columns, w.packed_forward.data, w.plain.data);
  }
  if (w.packed_backward.defined()) {
    pack(exec, packed_backward(OC, IC, w.plain.dtype), Layout::rows, w.packed_backward.data, w.plain.data);
  }
}

void linear_forward(const Exec& exec, const LinearForward& a) {
  if (by_panels(a.x.dtype)) return forward_by_panels(exec, a);
  const auto product = [&](Layout weight) {
    Product p = forward_product(a.x.size(0), a.y.size(1), a.x.size(1), a.x.dtype, weight);
    p.bias = a.bias.defined();
    return p;
  };
  const Product packed = product(Layout::packed);
  if (a.w.packed_forward.defined() && is_fast(packed)) {
    return multiply(exec, packed, a.x.data, a.w.packed_forward.data, a.y.data, a.bias.data);
  }
  multiply(exec, product(Layout::columns), a.x.data, a.w.plain.data, a.y.data, a.bias.data);
}

void linear_backward_input(const Exec& exec, const LinearBackwardInput& a) {
  if (by_panels(a.dy.dtype)) return backward_input_by_panels(exec, a);
  const auto product = [&](Layout weight) {
    return backward_product(a.dy.size(0), a.dy.size(1), a.dx.size(1), a.dy.dtype, weight);
  };
  const Product packed = product(Layout::packed);
  if (a.w.packed_backward.defined() && is_fast(packed)) {
    return multiply(exec, packed, a.dy.data, a.w.packed_backward.data, a.dx.data);
  }
  multiply(exec, product(Layout::rows), a.dy.data, a.w.plain.data, a.dx.data);
}

void linear_backward_weight(const Exec& exec, const LinearBackwardWeight& a) {
  add_bias_gradient(exec, a);
  if (!is_bf16_by(Bf16Path::native, a.dy.dtype)) return weight_by_tiles(exec, a);
  for (std::int64_t n = 0; n < a.dy.size(0); n += kWeightRows) {
    const std::int64_t rows = std::min(kWeightRows, a.dy.size(0) - n);
    weight_by_onednn(exec, a.dw, a.dy.slice(n, rows), a.x.slice(n, rows), n > 0 || a.write == Write::accumulate);
  }
}

std::string describe_products(DType dtype) {
  const std::string library = str("oneDNN ", version(), ", ");
  if (by_panels(dtype)) return library + "bf16 stored, multiplied in fp32 (no fast bf16 products here)";
  const bool wide = isa() != Isa::avx2 && isa() != Isa::older;
  if (dtype == DType::f32) return library + (wide ? "fp32 by AVX-512" : "fp32 by AVX2");
  switch (isa()) {
    case Isa::amx: return library + "bf16 by AMX tiles";
    case Isa::avx512_bf16: return library + "bf16 by AVX-512 dot products";
    default: return library + "bf16 emulated (PHALANX_BF16=native)";
  }
}

}  // namespace phalanx::ops::onednn
