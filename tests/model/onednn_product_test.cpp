// One product of every layout against double precision: also the packed layouts that linear.h uses on other processors.
#include "model/ops/onednn_product.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "tests/support/arrays.h"
#include "tests/support/bounds.h"
#include "tests/support/exec.h"

namespace phalanx::ops::onednn {
namespace {

using phalanx::testing::Array;
using phalanx::testing::CpuExec;
using phalanx::testing::dot_bound;
using phalanx::testing::normal_array;

// A (rows, columns) matrix stored as `layout` says.
double element(const Array& matrix, Layout layout, std::int64_t row, std::int64_t column, const Shape& shape) {
  return matrix[layout == Layout::columns ? column * shape[0] + row : row * shape[1] + column];
}

void expect_product(const Exec& exec, const Product& p, Layout stored_b) {
  const Array bias = normal_array({p.N}, p.in, 3);
  Array a = normal_array({p.M, p.K}, p.in, 1);
  Array b = normal_array({p.K, p.N}, p.in, 2);
  Array c = normal_array({p.M, p.N}, p.out, 4);
  const Array c_before = c;
  std::vector<std::byte> blob;
  if (p.b == Layout::packed) {
    blob.resize(static_cast<std::size_t>(packed_bytes(p)));
    if (blob.empty()) return;  // the plain layout is what oneDNN wants here
    pack(exec, p, stored_b, blob.data(), b.bytes().data());
  }
  multiply(exec, p, a.bytes().data(), blob.empty() ? b.bytes().data() : blob.data(), c.tensor().data,
           bias.bytes().data());
  for (std::int64_t m = 0; m < p.M; ++m) {
    for (std::int64_t n = 0; n < p.N; ++n) {
      double exact = (p.bias ? bias[n] : 0.0) + (p.accumulate ? c_before[m * p.N + n] : 0.0);
      double magnitude = std::abs(bias[n]) + std::abs(c_before[m * p.N + n]);
      for (std::int64_t k = 0; k < p.K; ++k) {
        const double term = element(a, p.a, m, k, {p.M, p.K}) * element(b, stored_b, k, n, {p.K, p.N});
        exact += term;
        magnitude += std::abs(term);
      }
      const auto terms = static_cast<double>(p.K + 2);
      ASSERT_NEAR(c[m * p.N + n], exact, dot_bound(terms, magnitude, exact, p.out)) << m << ", " << n;
    }
  }
}

TEST(OnednnProduct, EveryLayoutMatchesDoublePrecision) {
  const CpuExec cpu;
  for (const DType in : {DType::f32, DType::bf16}) {
    for (const Layout a : {Layout::rows, Layout::columns}) {
      for (const Layout b : {Layout::rows, Layout::columns}) {
        for (const bool accumulate : {false, true}) {
          const Product p{.M = 33,
                          .K = 129,
                          .N = 31,
                          .a = a,
                          .b = b,
                          .in = in,
                          .out = accumulate ? DType::f32 : in,
                          .accumulate = accumulate,
                          .bias = !accumulate};
          SCOPED_TRACE(str(name_of(in), " a=", int(a), " b=", int(b), " accumulate=", accumulate));
          expect_product(cpu.exec(), p, b);
        }
      }
    }
  }
}

TEST(OnednnProduct, BPackedForManyRowsServesAnyRows) {
  const CpuExec cpu;
  for (const DType in : {DType::f32, DType::bf16}) {
    for (const Layout stored : {Layout::rows, Layout::columns}) {
      for (const std::int64_t M : {1, 7, 33, 129}) {
        const Product p{.M = M, .K = 65, .N = 97, .b = Layout::packed, .packed_for = 1024, .in = in, .out = in};
        SCOPED_TRACE(str(name_of(in), " M=", M, " stored=", int(stored)));
        expect_product(cpu.exec(), p, stored);
      }
    }
  }
}

Array identity(std::int64_t size, DType dtype) {
  Array eye({size, size}, dtype);
  for (std::int64_t i = 0; i < size; ++i) eye.set(i * size + i, 1.0);
  return eye;
}

// K and N below, at and above the sizes of a tile: whole tiles and edges of every kind.
TEST(OnednnProduct, ThePackedMatrixIsTheMatrixToTheBit) {
  for (const OpTable* table : usable_cpu_op_tables()) {
    const CpuExec cpu(std::int64_t{1} << 24, *table);
    for (const DType in : {DType::f32, DType::bf16}) {
      for (const Layout stored : {Layout::rows, Layout::columns}) {
        for (const auto& [K, N] : {std::pair<int, int>{1, 1}, {31, 63}, {32, 64}, {33, 65}, {64, 192}, {97, 130}}) {
          const Product p{.M = K, .K = K, .N = N, .b = Layout::packed, .packed_for = 1024, .in = in, .out = in};
          SCOPED_TRACE(str(table->name, " ", name_of(in), " K=", K, " N=", N, " stored=", int(stored)));
          const Array a = identity(K, in);
          const Array b = normal_array({K, N}, in, 2);
          Array c({K, N}, in);
          std::vector<std::byte> blob(static_cast<std::size_t>(packed_bytes(p)));
          if (blob.empty()) continue;
          pack(cpu.exec(), p, stored, blob.data(), b.bytes().data());
          multiply(cpu.exec(), p, a.bytes().data(), blob.data(), c.tensor().data);
          for (std::int64_t k = 0; k < K; ++k) {
            for (std::int64_t n = 0; n < N; ++n) ASSERT_EQ(c[k * N + n], element(b, stored, k, n, {K, N}));
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace phalanx::ops::onednn
