#include "model/ops/gelu.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "tests/support/arrays.h"
#include "tests/support/exec.h"
#include "tests/support/gradient_check.h"
#include "tests/support/threads.h"

namespace phalanx::ops {
namespace {

using namespace phalanx::testing;  // NOLINT(google-build-using-namespace)

class GeluOp : public EachCpuLevel {};

constexpr Gelu kKinds[] = {Gelu::tanh, Gelu::erf};
constexpr DType kTypes[] = {DType::f32, DType::bf16};

double gelu(double x, Gelu kind) {
  if (kind == Gelu::erf) return 0.5 * x * std::erfc(-x / std::numbers::sqrt2);
  return 0.5 * x * (1.0 + std::tanh(std::sqrt(2.0 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
}
double gelu_sum(const Doubles& dy, const Doubles& x, Gelu kind) {
  double sum = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += dy[i] * gelu(x[i], kind);
  return sum;
}

// A fine grid over the range where the function bends, and beyond it.
Array grid(DType dtype) {
  Array x({61, 131}, dtype);
  for (std::int64_t i = 0; i < x.count(); ++i) x.set(i, -12.0 + 24.0 * static_cast<double>(i) / 7990.0);
  return x;
}

TEST_P(GeluOp, ForwardMatchesClosedForm) {
  for (const DType dtype : kTypes) {
    for (const Gelu kind : kKinds) {
      Array x = grid(dtype);
      Array y({61, 131}, dtype);
      gelu_forward(exec(), {y.tensor(), x.tensor(), kind});
      Doubles want;
      for (const double v : x.values()) want.push_back(gelu(v, kind));
      // A few fp32 roundings of the gate, times |x|, of which the gate is at most e^-(x²/2) where x < 0.
      expect_close(y, want, epsilon_of(dtype) + 4.0 * epsilon_of(DType::f32), 4.0 * epsilon_of(DType::f32));
    }
  }
}

TEST_P(GeluOp, ExtremesStayFiniteAndNanIsSeen) {
  constexpr float kLarge = 3.0e38F;
  for (const Gelu kind : kKinds) {
    Array x =
        array_of<float>({-kLarge, -100.0F, 0.0F, 100.0F, kLarge, std::numeric_limits<float>::quiet_NaN()}, {1, 6});
    Array y({1, 6});
    gelu_forward(exec(), {y.tensor(), x.tensor(), kind});
    EXPECT_NEAR(y[0], 0.0, 10.0);  // relative to 3e38: gone
    EXPECT_NEAR(y[1], 0.0, 1e-30);
    EXPECT_EQ(y[2], 0.0);
    EXPECT_EQ(y[3], 100.0);
    EXPECT_EQ(y[4], double{kLarge});
    EXPECT_TRUE(std::isnan(y[5]));
  }
}

TEST_P(GeluOp, BackwardMatchesFiniteDifferences) {
  for (const DType dtype : kTypes) {
    for (const Gelu kind : kKinds) {
      for (const std::int64_t F : {1, 31, 33}) {
        SCOPED_TRACE(::testing::Message() << name_of(dtype) << (kind == Gelu::tanh ? " tanh " : " erf ") << F);
        const std::int64_t N = 70;  // more than two blocks of rows
        Array x = normal_array({N, F}, dtype, 1, 2.0);
        Array dy = normal_array({N, F}, dtype, 2);
        Array dx({N, F}, dtype);
        Array dbias({F});
        dbias.fill(0.25);
        gelu_backward(exec(), {dx.tensor(), dy.tensor(), x.tensor(), dbias.tensor(), kind});
        const Doubles dy_values = dy.values();
        Doubles want(static_cast<std::size_t>(N * F));
        for (std::size_t i = 0; i < want.size();
             ++i) {  // element by element: the sum of all would drown the difference
          const auto element = [&](const Doubles& v) { return gelu_sum({dy_values[i]}, v, kind); };
          want[i] = numeric_gradient(element, {x[static_cast<std::int64_t>(i)]})[0];
        }
        expect_close(dx, want, epsilon_of(dtype), 16.0 * epsilon_of(DType::f32) * largest(dy_values));
        Doubles sums(static_cast<std::size_t>(F), 0.25);
        for (std::int64_t i = 0; i < N * F; ++i) sums[static_cast<std::size_t>(i % F)] += dx[i];
        expect_close(dbias, sums, 0.0, 8.0 * epsilon_of(DType::f32) * std::sqrt(N) * largest(want));
      }
    }
  }
}

TEST_P(GeluOp, InPlaceGivesTheSameBits) {
  for (const DType dtype : kTypes) {
    Array x = normal_array({9, 50}, dtype, 3);
    Array y({9, 50}, dtype);
    Array in_place = x;
    gelu_forward(exec(), {y.tensor(), x.tensor()});
    gelu_forward(exec(), {in_place.tensor(), in_place.tensor()});
    EXPECT_TRUE(y.bytes() == in_place.bytes());

    Array dy = normal_array({9, 50}, dtype, 4);
    Array dx({9, 50}, dtype);
    gelu_backward(exec(), {dx.tensor(), dy.tensor(), x.tensor(), {}});
    gelu_backward(exec(), {dy.tensor(), dy.tensor(), x.tensor(), {}});
    EXPECT_TRUE(dx.bytes() == dy.bytes());
  }
}

TEST_P(GeluOp, BitsDoNotDependOnThreads) {
  for (const DType dtype : kTypes) {
    Array x = normal_array({101, 77}, dtype, 5);
    Array dy = normal_array({101, 77}, dtype, 6);
    expect_same_bits_for_threads([&] {
      Array y({101, 77}, dtype);
      Array dx({101, 77}, dtype);
      Array dbias({77});
      gelu_forward(exec(), {y.tensor(), x.tensor()});
      gelu_backward(exec(), {dx.tensor(), dy.tensor(), x.tensor(), dbias.tensor()});
      return bytes_of_all(y, dx, dbias);
    });
  }
}

PHALANX_EACH_TABLE(GeluOp);

TEST(GeluChecks, PlanningTakesWhatRunningTakes) {
  Array x({100, 33});
  Array dbias({33});
  const GeluBackward a{x.tensor(), x.tensor(), x.tensor(), dbias.tensor()};
  const PlanningExec planning;
  gelu_backward(planning.exec(), a);
  const CpuExec running(planning.peak());
  gelu_backward(running.exec(), a);
  EXPECT_EQ(running.workspace().peak(), planning.peak());
}

TEST(GeluChecks, MisuseThrows) {
  const CpuExec cpu;
  Array x({4, 8});
  Array other({4, 9});
  Array low({4, 8}, DType::bf16);
  Array integers({4, 8}, DType::i32);
  EXPECT_THROW(gelu_forward(cpu.exec(), {other.tensor(), x.tensor()}), Error);
  EXPECT_THROW(gelu_forward(cpu.exec(), {low.tensor(), x.tensor()}), Error);
  EXPECT_THROW(gelu_forward(cpu.exec(), {integers.tensor(), integers.tensor()}), Error);
  EXPECT_THROW(gelu_backward(cpu.exec(), {x.tensor(), {}, x.tensor(), {}}), Error);
}

}  // namespace
}  // namespace phalanx::ops
