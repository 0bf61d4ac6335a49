// The two passes of LAMB against double precision, on every instruction set and the emulated GPU.
#include "model/ops/lamb.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

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
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

constexpr std::int64_t kCounts[] = {0, 1, 31, 33, 129, 4097, 40001};

class LambOps : public phalanx::testing::EachCpuLevel {};
PHALANX_EACH_TABLE(LambOps);

// The state of an update and its arguments.
struct State {
  explicit State(std::int64_t n)
      : master(normal_array({n}, DType::f32, 1)),
        m(normal_array({n}, DType::f32, 2, 0.1)),
        v(normal_array({n}, DType::f32, 3, 0.1)),
        grad(normal_array({n}, DType::f32, 4)) {
    for (std::int64_t i = 0; i < n; ++i) v.set(i, v[i] * v[i]);
  }
  LambDirection direction() {
    return {.master = master.tensor(),
            .m = m.tensor(),
            .v = v.tensor(),
            .grad = grad.tensor(),
            .beta1 = 0.9F,
            .beta2 = 0.95F,
            .epsilon = 1e-6F,
            .weight_decay = 0.1F,
            .grad_scale = 0.7F,
            .t = 3};
  }
  Array master, m, v, grad;
};

TEST_P(LambOps, DirectionMatchesDoublePrecisionInTheGradientsPlace) {
  for (const std::int64_t n : kCounts) {
    State s(n);
    const State before(n);
    const LambDirection a = s.direction();
    lamb_direction(exec(), a);
    const double b1 = a.beta1;
    const double b2 = a.beta2;
    for (std::int64_t i = 0; i < n; ++i) {
      const double g = before.grad[i] * a.grad_scale;
      const double m = b1 * before.m[i] + (1 - b1) * g;
      const double v = b2 * before.v[i] + (1 - b2) * g * g;
      const double root = std::sqrt(v / (1 - std::pow(b2, 3))) + double{a.epsilon};
      const double decay = a.weight_decay * before.master[i];
      const double u = m / (1 - std::pow(b1, 3)) / root + decay;
      // m: three roundings of terms that may cancel; v: five of positive terms; u: about ten on the way.
      const double m_error = 4 * kUnitFp32 * (b1 * std::abs(before.m[i]) + (1 - b1) * std::abs(g));
      const double u_error =
          12 * kUnitFp32 * (std::abs(u - decay) + std::abs(decay)) + m_error / (1 - std::pow(b1, 3)) / root;
      ASSERT_NEAR(s.m[i], m, m_error);
      ASSERT_NEAR(s.v[i], v, 6 * kUnitFp32 * v);
      ASSERT_NEAR(s.grad[i], u, u_error) << i << " of " << n;
    }
    EXPECT_EQ(s.master.bytes(), before.master.bytes()) << "nothing moves yet";
  }
}

TEST_P(LambOps, ApplyMovesMasterAndRoundsTheWeight) {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    for (const std::int64_t n : kCounts) {
      State s(n);
      const State before(n);
      Array weight({n}, dtype);
      lamb_apply(exec(),
                 {.master = s.master.tensor(), .direction = s.grad.tensor(), .weight = weight.tensor(), .rate = 0.3F});
      for (std::int64_t i = 0; i < n; ++i) {
        const double step = double{0.3F} * before.grad[i];
        ASSERT_NEAR(s.master[i], before.master[i] - step,
                    2 * kUnitFp32 * (std::abs(before.master[i]) + std::abs(step)));
        const auto stored = static_cast<float>(s.master[i]);
        ASSERT_EQ(weight[i], dtype == DType::f32 ? double{stored} : double{static_cast<float>(bf16(stored))});
      }
    }
  }
}

TEST_P(LambOps, ApplyWithWeightEqualToMasterMovesOnce) {
  State with(1001);
  State alias(1001);
  Array weight({1001});
  lamb_apply(
      exec(),
      {.master = with.master.tensor(), .direction = with.grad.tensor(), .weight = weight.tensor(), .rate = 0.3F});
  lamb_apply(exec(), {.master = alias.master.tensor(),
                      .direction = alias.grad.tensor(),
                      .weight = alias.master.tensor(),
                      .rate = 0.3F});
  EXPECT_EQ(alias.master.bytes(), with.master.bytes());
}

TEST_P(LambOps, HaveOneBitPatternForAnyThreads) {
  expect_same_bits_for_threads([&] {
    State s(100003);
    Array weight({100003}, DType::bf16);
    lamb_direction(exec(), s.direction());
    lamb_apply(exec(),
               {.master = s.master.tensor(), .direction = s.grad.tensor(), .weight = weight.tensor(), .rate = 0.3F});
    return bytes_of_all(s.master, s.m, s.v, s.grad, weight);
  });
}

TEST(LambChecks, MisuseNamesTheTensor) {
  const CpuExec cpu;
  State s(4);
  Array five({5});
  LambDirection a = s.direction();
  a.v = five.tensor();
  EXPECT_THAT([&] { lamb_direction(cpu.exec(), a); }, ThrowsMessage<Error>(HasSubstr("lamb_direction: v is (5)")));
  a = s.direction();
  a.t = 0;
  EXPECT_THAT([&] { lamb_direction(cpu.exec(), a); }, ThrowsMessage<Error>(HasSubstr("t is 0")));
  EXPECT_THAT([&] { lamb_apply(cpu.exec(), {.master = s.master.tensor(), .direction = five.tensor(), .weight = {}}); },
              ThrowsMessage<Error>(HasSubstr("lamb_apply: direction is (5)")));
}

}  // namespace
}  // namespace phalanx::ops
