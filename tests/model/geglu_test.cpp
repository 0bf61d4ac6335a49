#include "model/ops/geglu.h"

#include <gtest/gtest.h>

#include "tests/support/arrays.h"
#include "tests/support/exec.h"
#include "tests/support/gradient_check.h"
#include "tests/support/threads.h"

namespace phalanx::ops {
namespace {

using namespace phalanx::testing;  // NOLINT(google-build-using-namespace)

constexpr std::int64_t kN = 5;

class GegluOp : public EachCpuLevel {};

double gelu(double x, Gelu kind) {
  if (kind == Gelu::erf) return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
  return 0.5 * x * (1.0 + std::tanh(std::sqrt(2.0 / std::acos(-1.0)) * (x + 0.044715 * x * x * x)));
}

// x (N, 2 F) -> (N, F)
Doubles reference(const Doubles& x, std::size_t F, Gelu kind) {
  Doubles y;
  for (std::size_t n = 0; n < x.size() / (2 * F); ++n) {
    for (std::size_t f = 0; f < F; ++f) y.push_back(gelu(x[2 * F * n + f], kind) * x[2 * F * n + F + f]);
  }
  return y;
}

TEST_P(GegluOp, MatchesTheDefinition) {
  for (const Gelu kind : {Gelu::tanh, Gelu::erf}) {
    for (const DType dtype : {DType::f32, DType::bf16}) {
      for (const std::int64_t F : {1, 31, 33, 96}) {
        Array x = normal_array({kN, 2 * F}, dtype, 1), y({kN, F}, dtype);
        geglu_forward(exec(), {y.tensor(), x.tensor(), kind});
        expect_close(y, reference(x.values(), static_cast<std::size_t>(F), kind),
                     0.5 * epsilon_of(dtype) + 16.0 * epsilon_of(DType::f32), 4.0 * epsilon_of(DType::f32));
      }
    }
  }
}

TEST_P(GegluOp, BackwardMatchesCentralDifferencesInPlaceToo) {
  constexpr std::int64_t F = 33;
  for (const Gelu kind : {Gelu::tanh, Gelu::erf}) {
    Array x = normal_array({kN, 2 * F}, DType::f32, 1), dy = normal_array({kN, F}, DType::f32, 2), dx({kN, 2 * F});
    const auto loss = [&](const Doubles& v) { return dot(dy.values(), reference(v, F, kind)); };
    const Doubles want = numeric_gradient(loss, x.values());
    geglu_backward(exec(), {dx.tensor(), dy.tensor(), x.tensor(), kind});
    expect_close(dx, want, 16.0 * epsilon_of(DType::f32), 16.0 * epsilon_of(DType::f32));
    geglu_backward(exec(), {x.tensor(), dy.tensor(), x.tensor(), kind});
    EXPECT_EQ(x.values(), dx.values());
  }
}

TEST_P(GegluOp, BitsDoNotDependOnThreads) {
  expect_same_bits_for_threads([&] {
    Array x = normal_array({40, 66}, DType::bf16, 1), dy = normal_array({40, 33}, DType::bf16, 2);
    Array y({40, 33}, DType::bf16), dx({40, 66}, DType::bf16);
    geglu_forward(exec(), {y.tensor(), x.tensor()});
    geglu_backward(exec(), {dx.tensor(), dy.tensor(), x.tensor()});
    return bytes_of_all(y, dx);
  });
}

PHALANX_EACH_TABLE(GegluOp);

TEST(GegluChecks, MisuseThrows) {
  const CpuExec cpu;
  Array x({4, 10}), y({4, 5}), wrong({4, 6});
  EXPECT_THROW(geglu_forward(cpu.exec(), {wrong.tensor(), x.tensor()}), Error);
  EXPECT_THROW(geglu_backward(cpu.exec(), {x.tensor(), wrong.tensor(), x.tensor()}), Error);
  EXPECT_THROW(geglu_backward(cpu.exec(), {y.tensor(), y.tensor(), x.tensor()}), Error);
}

}  // namespace
}  // namespace phalanx::ops
