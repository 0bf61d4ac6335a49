#include "model/ops/rope.h"

#include <gtest/gtest.h>

#include "tests/support/attention_case.h"
#include "tests/support/exec.h"
#include "tests/support/gradient_check.h"
#include "tests/support/threads.h"

namespace phalanx::ops {
namespace {

using namespace phalanx::testing;  // NOLINT(google-build-using-namespace)

class RopeOp : public EachCpuLevel {};

struct Case {
  Case(std::int64_t NH, std::int64_t HS, DType dtype)
      : NH(NH), HS(HS), qkv(normal_array({N, 3, NH, HS}, dtype, 1)), positions({N}, DType::i32) {
    for (std::int64_t n = 0; n < N; ++n) positions.set(n, static_cast<double>(n * 5 % kLongest));
  }
  Rope args(Turn turn = Turn::forward) { return {qkv.tensor(), positions.tensor(), kLongest, kTheta, turn}; }

  static constexpr std::int64_t N = 7, kLongest = 13;
  static constexpr float kTheta = 160000.0F;
  std::int64_t NH, HS;
  Array qkv, positions;
};

Doubles reference(const Case& c, const Doubles& x) {
  return rope_reference(x, c.positions.values(), c.NH, c.HS, Case::kTheta);
}

TEST_P(RopeOp, MatchesTheDefinitionAndLeavesValuesAlone) {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    for (const std::int64_t HS : {2, 6, 34, 64}) {
      Case c(3, HS, dtype);
      const Doubles before = c.qkv.values();
      rope(exec(), c.args());
      // The angle, up to 12, is rounded twice; then products and the result.
      const double angle = 2.0 * epsilon_of(DType::f32) * Case::kLongest;
      expect_close(c.qkv, reference(c, before), 0.5 * epsilon_of(dtype), (angle + 4 * epsilon_of(DType::f32)) * 5.0);
      for (std::int64_t i = 0; i < c.qkv.count(); ++i) {
        const bool is_value = i / (3 * HS) % 3 == 2;
        ASSERT_TRUE(!is_value || c.qkv[i] == before[static_cast<std::size_t>(i)]) << "element " << i;
      }
    }
  }
}

TEST_P(RopeOp, BackwardMatchesCentralDifferences) {
  Case c(2, 6, DType::f32);
  const Doubles x = c.qkv.values();
  Array d = normal_array({Case::N, 3, 2, 6}, DType::f32, 2);
  const Doubles dy = d.values();
  Rope back = c.args(Turn::backward);
  back.qkv = d.tensor();
  rope(exec(), back);
  const Doubles want = numeric_gradient([&](const Doubles& v) { return dot(dy, reference(c, v)); }, x);
  expect_close(d, want, 0.0, 32.0 * epsilon_of(DType::f32) * Case::kLongest);
}

TEST_P(RopeOp, ScoresDependOnDistanceAlone) {
  const auto score = [&](int query, int key) {
    Case c(1, 16, DType::f32);
    c.positions.set(0, query);
    c.positions.set(1, key);
    rope(exec(), c.args());
    double sum = 0.0;
    for (std::int64_t i = 0; i < 16; ++i) sum += c.qkv[i] * c.qkv[48 + 16 + i];
    return sum;
  };
  EXPECT_NEAR(score(3, 1), score(12, 10), 64.0 * epsilon_of(DType::f32) * Case::kLongest);
  EXPECT_GT(std::abs(score(3, 1) - score(1, 3)), 1e-2);
}

TEST_P(RopeOp, BitsDoNotDependOnThreads) {
  expect_same_bits_for_threads([&] {
    Case c(3, 34, DType::bf16);
    rope(exec(), c.args());
    return c.qkv.bytes();
  });
}

PHALANX_EACH_TABLE(RopeOp);

TEST(RopeChecks, APositionOutsideIsRefused) {
  const CpuExec cpu;
  Case c(2, 6, DType::f32);
  c.positions.set(2, static_cast<double>(Case::kLongest));
  EXPECT_THROW(rope(cpu.exec(), c.args()), Error);
  c.positions.set(2, -1.0);
  EXPECT_THROW(rope(cpu.exec(), c.args()), Error);
}

TEST(RopeChecks, MisuseThrows) {
  const CpuExec cpu;
  Case odd(2, 5, DType::f32);
  EXPECT_THROW(rope(cpu.exec(), odd.args()), Error);
  Case c(2, 6, DType::f32);
  Rope a = c.args();
  a.theta = 0.0F;
  EXPECT_THROW(rope(cpu.exec(), a), Error);
}

}  // namespace
}  // namespace phalanx::ops
