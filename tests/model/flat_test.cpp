// Flat ops against closed forms and double precision, on every instruction set.
#include "model/ops/flat.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/support/arrays.h"
#include "tests/support/bounds.h"
#include "tests/support/exec.h"
#include "tests/support/threads.h"

namespace phalanx::ops {
namespace {

using phalanx::testing::Array;
using phalanx::testing::bytes_of_all;
using phalanx::testing::CpuExec;
using phalanx::testing::expect_same_bits_for_threads;
using phalanx::testing::kUnitFp32;
using phalanx::testing::normal_array;
using phalanx::testing::PlanningExec;
using phalanx::testing::unit_of;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

constexpr std::int64_t kCounts[] = {0, 1, 31, 33, 129, 4097, 40001};

class Flat : public phalanx::testing::EachCpuLevel {};
PHALANX_EACH_TABLE(Flat);

TEST_P(Flat, CastRoundsToNearestEvenAndBack) {
  const float inf = std::numeric_limits<float>::infinity();
  // 1 + 2^-8 is halfway between two bf16 numbers and goes to the even one; a hair more goes up.
  std::vector<float> in{0.0F,    -0.0F, 1.0F, 1.0F + 0x1p-8F, 1.0F + 0x1p-8F + 0x1p-20F, 1.0F + 3 * 0x1p-8F,
                        3.4e38F, inf,   -inf};
  const std::vector<float> want{0.0F, -0.0F, 1.0F, 1.0F, 1.0F + 0x1p-7F, 1.0F + 0x1p-6F, inf, inf, -inf};
  const auto n = static_cast<std::int64_t>(in.size());
  Array low({n}, DType::bf16);
  Array back({n}, DType::f32);
  cast(exec(), low.tensor(), host_tensor(in.data(), {n}));
  cast(exec(), back.tensor(), low.tensor());
  for (std::int64_t i = 0; i < n; ++i) EXPECT_EQ(back[i], want[static_cast<std::size_t>(i)]) << i;
  float nan = std::nanf("");
  cast(exec(), low.tensor().slice(0, 1), host_tensor(&nan, {1}));
  EXPECT_TRUE(std::isnan(low[0]));
}

TEST_P(Flat, CastEqualsTheScalarRounding) {
  for (const std::int64_t n : kCounts) {
    Array in = normal_array({n}, DType::f32, 1);
    Array out({n}, DType::bf16);
    cast(exec(), out.tensor(), in.tensor());
    for (std::int64_t i = 0; i < n; ++i) {
      ASSERT_EQ(out[i], static_cast<double>(static_cast<float>(bf16(static_cast<float>(in[i]))))) << i << " of " << n;
    }
  }
}

TEST_P(Flat, AddRoundsTheExactSumOnce) {
  for (const auto& [y_type, x_type] :
       {std::pair{DType::f32, DType::f32}, std::pair{DType::bf16, DType::bf16}, std::pair{DType::f32, DType::bf16}}) {
    for (const std::int64_t n : kCounts) {
      Array y = normal_array({n}, y_type, 1);
      Array x = normal_array({n}, x_type, 2);
      const Array before = y;
      add(exec(), y.tensor(), x.tensor());
      for (std::int64_t i = 0; i < n; ++i) {
        const double sum = before[i] + x[i];
        ASSERT_NEAR(y[i], sum, (unit_of(y_type) + kUnitFp32) * std::abs(sum)) << i << " of " << n;
      }
    }
  }
}

TEST_P(Flat, SumOfSquaresMatchesDoublePrecision) {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    for (const std::int64_t n : kCounts) {
      Array x = normal_array({n}, dtype, 1);
      Array out({1}, DType::f64);
      sum_of_squares(exec(), out.tensor(), x.tensor());
      long double want = 0.0L;
      for (std::int64_t i = 0; i < n; ++i) want += static_cast<long double>(x[i]) * static_cast<long double>(x[i]);
      // All terms are positive: at most one rounding of 2^-53 per addition.
      EXPECT_NEAR(out[0], static_cast<double>(want), static_cast<double>(n) * 0x1p-53 * static_cast<double>(want)) << n;
    }
  }
}

TEST_P(Flat, SumOfSquaresIsNotFiniteWhenAValueIsNot) {
  for (const float bad : {std::numeric_limits<float>::infinity(), std::nanf("")}) {
    Array x = normal_array({9001}, DType::f32, 1);
    x.set(8000, bad);
    Array out({1}, DType::f64);
    sum_of_squares(exec(), out.tensor(), x.tensor());
    EXPECT_FALSE(std::isfinite(out[0]));
  }
}

TEST_P(Flat, SumOfSquaresHasOneBitPatternForAnyThreads) {
  Array x = normal_array({100003}, DType::f32, 1);
  expect_same_bits_for_threads([&] {
    Array out({1}, DType::f64);
    sum_of_squares(exec(), out.tensor(), x.tensor());
    return bytes_of_all(out);
  });
}

// The state of an update and its arguments.
struct Adamw {
  Adamw(std::int64_t n, DType weight_dtype)
      : master(normal_array({n}, DType::f32, 1)),
        m(normal_array({n}, DType::f32, 2, 0.1)),
        v(normal_array({n}, DType::f32, 3, 0.1)),
        grad(normal_array({n}, DType::f32, 4)),
        weight({n}, weight_dtype) {
    for (std::int64_t i = 0; i < n; ++i) v.set(i, v[i] * v[i]);
  }
  AdamwUpdate update() {
    return {.master = master.tensor(),
            .m = m.tensor(),
            .v = v.tensor(),
            .grad = grad.tensor(),
            .weight = weight.tensor(),
            .learning_rate = 3e-3F,
            .beta1 = 0.9F,
            .beta2 = 0.95F,
            .epsilon = 1e-8F,
            .weight_decay = 0.1F,
            .grad_scale = 0.7F,
            .t = 3};
  }
  Array master, m, v, grad, weight;
};

TEST_P(Flat, AdamwMatchesDoublePrecision) {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    for (const std::int64_t n : kCounts) {
      Adamw s(n, dtype);
      const Adamw before(n, dtype);
      const AdamwUpdate a = s.update();
      adamw_update(exec(), a);
      const double b1 = a.beta1;
      const double b2 = a.beta2;
      for (std::int64_t i = 0; i < n; ++i) {
        const double g = before.grad[i] * a.grad_scale;
        const double m = b1 * before.m[i] + (1 - b1) * g;
        const double v = b2 * before.v[i] + (1 - b2) * g * g;
        const double direction = m / (1 - std::pow(b1, 3)) / (std::sqrt(v / (1 - std::pow(b2, 3))) + double{a.epsilon});
        const double w = before.master[i] - a.learning_rate * (direction + a.weight_decay * before.master[i]);
        // m: three roundings of terms that may cancel; v: five of positive terms; w: about ten on the way to the step.
        const double m_error = 4 * kUnitFp32 * (b1 * std::abs(before.m[i]) + (1 - b1) * std::abs(g));
        const double step_error =
            a.learning_rate * (12 * kUnitFp32 * std::abs(direction) +
                               m_error / (1 - std::pow(b1, 3)) / std::sqrt(v / (1 - std::pow(b2, 3))));
        ASSERT_NEAR(s.m[i], m, m_error);
        ASSERT_NEAR(s.v[i], v, 6 * kUnitFp32 * v);
        ASSERT_NEAR(s.master[i], w, step_error + 3 * kUnitFp32 * std::abs(before.master[i]));
        const auto stored = static_cast<float>(s.master[i]);
        ASSERT_EQ(s.weight[i], dtype == DType::f32 ? double{stored} : double{static_cast<float>(bf16(stored))});
      }
    }
  }
}

TEST_P(Flat, AdamwFirstStepIsTheSignOfTheGradient) {
  constexpr std::int64_t kN = 129;
  Array w = Array({kN}).fill(1.0);
  Array m({kN});
  Array v({kN});
  Array grad = normal_array({kN}, DType::f32, 5);
  adamw_update(exec(), {.master = w.tensor(),
                        .m = m.tensor(),
                        .v = v.tensor(),
                        .grad = grad.tensor(),
                        .weight = {},
                        .learning_rate = 0.25F,
                        .beta1 = 0.9F,
                        .beta2 = 0.999F});
  // w = 1 -+ 0.25; beta2's own rounding leaves a relative 2^-24 / (1 - beta2) = 6e-5 in 1 - beta2^t over 1 - beta2.
  for (std::int64_t i = 0; i < kN; ++i) EXPECT_NEAR(w[i], 1.0 - std::copysign(0.25, grad[i]), 2e-5) << i;
}

TEST_P(Flat, AdamwWithWeightEqualToMasterUpdatesOnce) {
  Adamw with(1001, DType::f32);
  Adamw alias(1001, DType::f32);
  AdamwUpdate a = alias.update();
  a.weight = a.master;
  adamw_update(exec(), with.update());
  adamw_update(exec(), a);
  EXPECT_EQ(alias.master.bytes(), with.master.bytes());
}

TEST_P(Flat, AdamwHasOneBitPatternForAnyThreads) {
  expect_same_bits_for_threads([&] {
    Adamw s(100003, DType::bf16);
    adamw_update(exec(), s.update());
    return bytes_of_all(s.master, s.m, s.v, s.weight);
  });
}

TEST(FlatChecks, PlanningTakesTheWorkspaceThatRunningTakes) {
  const PlanningExec plan;
  Array x = normal_array({100003}, DType::f32, 1);
  Array out({1}, DType::f64);
  sum_of_squares(plan.exec(), out.tensor(), x.tensor());
  const CpuExec exact(plan.peak());
  sum_of_squares(exact.exec(), out.tensor(), x.tensor());
  EXPECT_EQ(exact.workspace().peak(), plan.peak());
}

TEST(FlatChecks, MisuseNamesTheTensor) {
  const CpuExec cpu;
  Array four({4});
  Array five({5});
  Array low({4}, DType::bf16);
  Array ids({4}, DType::i32);
  EXPECT_THAT([&] { cast(cpu.exec(), four.tensor(), five.tensor()); },
              ThrowsMessage<Error>(HasSubstr("cast: in is (5)")));
  EXPECT_THAT([&] { cast(cpu.exec(), four.tensor(), ids.tensor()); },
              ThrowsMessage<Error>(HasSubstr("cast: in is int32, expected fp32 or bf16")));
  EXPECT_THAT([&] { add(cpu.exec(), low.tensor(), four.tensor()); }, ThrowsMessage<Error>(HasSubstr("add: x is fp32")));
  EXPECT_THAT([&] { sum_of_squares(cpu.exec(), four.tensor(), five.tensor()); },
              ThrowsMessage<Error>(HasSubstr("sum_of_squares: out is (4) fp32, expected (1) fp64")));
  Adamw s(4, DType::bf16);
  AdamwUpdate a = s.update();
  a.v = five.tensor();
  EXPECT_THAT([&] { adamw_update(cpu.exec(), a); }, ThrowsMessage<Error>(HasSubstr("adamw_update: v is (5)")));
  a = s.update();
  a.t = 0;
  EXPECT_THAT([&] { adamw_update(cpu.exec(), a); }, ThrowsMessage<Error>(HasSubstr("t is 0")));
}

}  // namespace
}  // namespace phalanx::ops
